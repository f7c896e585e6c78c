// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mhub::text {

/// Characters that came with Unicode 14, 15, 15.1 and 16. Distributions' ICU and Oniguruma may not know them
/// yet, the `tokenizers` package does.

/// General category, as far as tokenizers' patterns tell them apart: `No` stands for Nl too, `Po` for all of
/// P, `So` for all of S; `Han` is Lo of the script Han.
enum class RecentCategory : unsigned char { none, Lu, Ll, Lt, Lm, Lo, Han, Mn, Mc, Nd, No, Po, So, Cf };

/// `none` for characters that are older or unassigned.
RecentCategory recent_category(char32_t c);

/// Lower case of characters of Unicode 16 and 17; any other character itself.
char32_t recent_lowercase(char32_t c);

/// A copy of `text` (valid UTF-8) in which recent characters are replaced by old ones of the same category
/// and the same length in UTF-8, so that a regex engine of any age finds its matches at the right offsets.
/// Empty when there is nothing to replace.
std::string with_old_characters(std::string_view text);

}  // namespace mhub::text
