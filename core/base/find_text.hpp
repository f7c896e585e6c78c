// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace mhub {

/// `text.find(wanted, from)` in time that is linear in both: libstdc++'s own compares at each place, which
/// for "aaa...ab" in "aaa..." takes the product of their lengths.
std::size_t find_text(std::string_view text, std::string_view wanted, std::size_t from = 0);
/// `text.rfind(wanted)`, likewise; copies both.
std::size_t rfind_text(std::string_view text, std::string_view wanted);

}  // namespace mhub
