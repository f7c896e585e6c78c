// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/base/utf8.hpp"
#include "mhub/text/normalizer/normalizer.hpp"

namespace mhub::text {

/// Rewrites text one character at a time: `rewrite(out, c)` appends what becomes of `c`. When nothing becomes
/// of the first character, the text no longer begins at the start of the input.
template <typename Rewrite>
void rewrite_characters(NormalizedText& text, Rewrite rewrite) {
  std::string out;
  out.reserve(text.text.size());
  for (std::size_t at = 0; at < text.text.size();) {
    const bool first = at == 0;
    rewrite(out, next_character(text.text, at));
    if (first && out.empty()) text.at_start = false;
  }
  text.text = std::move(out);
}

}  // namespace mhub::text
