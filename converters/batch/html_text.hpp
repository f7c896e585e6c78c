// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mhub::converters {

/// Text for an HTML page, in an element or between double quotes: what HTML reads is escaped, and so is what
/// would steer a reader (terminal.hpp, printable_text).
std::string html_text(std::string_view text);
/// The address of a file, as seen from another file's folder.
std::string html_link(const std::string& file, const std::string& from_folder);

/// "2.3 s", "4 min 10 s", "3 h 5 min"
std::string duration_text(double seconds);
/// A number with at most so many digits behind the point and none that say nothing: "0.5", "12".
std::string number_text(double value, int digits);

}  // namespace mhub::converters
