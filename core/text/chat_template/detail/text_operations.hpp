// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What Python's str methods do, on UTF-8. All sizes and indices are in characters.
namespace mhub::jinja {

enum class Side { left, right, both };

/// str.strip and its kin; `characters` null: whitespace.
std::string strip(std::string_view text, const std::string* characters, Side side);
/// str.split and str.rsplit; `separator` null: runs of whitespace; `limit` < 0: no limit.
std::vector<std::string> split(std::string_view text, const std::string* separator, std::int64_t limit,
                               bool from_right);
std::vector<std::string> split_lines(std::string_view text, bool keep_ends);
/// str.replace; `limit` < 0: all.
std::string replace(std::string_view text, std::string_view old, std::string_view replacement,
                    std::int64_t limit);
/// `text` in the middle (str.center), at the left or right of `width` characters.
std::string pad(std::string_view text, std::int64_t width, std::string_view fill, Side side);
std::string zero_fill(std::string_view text, std::int64_t width);
/// str.title, str.capitalize, str.swapcase
std::string title(std::string_view text);
std::string capitalize(std::string_view text);
std::string swap_case(std::string_view text);

}  // namespace mhub::jinja
