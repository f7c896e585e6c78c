// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mhub::text {

/// Replaces every occurrence of `from`, found from left to right; an empty `from` occurs around every
/// character (as in Rust's str::replace).
void replace_all(std::string& text, std::string_view from, std::string_view to);

/// Takes away the spaces that joining words put in front of punctuation and contractions (transformers'
/// clean_up_tokenization); the tokenizers package does the same for " do not", which becomes " don't".
void clean_up_spaces(std::string& text, bool contract_do_not);

}  // namespace mhub::text
