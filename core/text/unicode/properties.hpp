// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace mhub::text {

/// Character properties as the `tokenizers` package sees them. It mixes libraries of different ages, each
/// with the tables of one Unicode version; a tokenizer's ids depend on them, so each function names its
/// version. Characters that a newer or older ICU classifies differently are corrected here (measured against
/// tokenizers 0.22.2 over all code points).

/// White_Space (the same in every version).
bool is_whitespace(char32_t c);
/// General category N, Unicode 17 (Rust's char::is_numeric).
bool is_numeric(char32_t c);
/// \w of UTS #18, Unicode 16 (Rust's regex crate).
bool is_word_character(char32_t c);
/// General category P, Unicode 8, or ASCII punctuation including $+<=>^`|~.
bool is_punctuation(char32_t c);
/// General category Mn, Unicode 8.
bool is_nonspacing_mark(char32_t c);
/// General category M, Unicode 9.
bool is_combining_mark(char32_t c);
/// General category Cc, Cf or Co, Unicode 8.
bool is_control_or_format(char32_t c);
/// Number of the script (ICU's UScriptCode), Unicode 9; kNoScript for characters that have none there.
inline constexpr int kNoScript = -1;
int script_of(char32_t c);
/// Appends the full lower case mapping of one character without context, Unicode 17 (Rust's
/// char::to_lowercase).
void append_lowercase(std::string& out, char32_t c);

}  // namespace mhub::text
