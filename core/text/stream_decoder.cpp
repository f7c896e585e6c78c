// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "mhub/text/tokenizer.hpp"

namespace mhub {

// Decoders look at neighbours (a space in front of the first token goes, byte tokens form characters
// together), so new text is what a window of the last tokens decodes to beyond what the tokens shown before
// decode to.

StreamDecoder::StreamDecoder(Tokenizer tokenizer, DecodeOptions options)
    : tokenizer_(std::move(tokenizer)), options_(options) {}

std::string StreamDecoder::decode_window() const { return tokenizer_.decode(window_, options_); }

std::string StreamDecoder::put(TokenId id) {
  // Characters take at most four byte tokens. A longer run that ends in U+FFFD is damaged for good.
  constexpr std::size_t kLongestWait = 8;
  window_.push_back(id);
  std::string text = decode_window();
  const bool incomplete = text.ends_with("\xEF\xBF\xBD") && window_.size() - context_ < kLongestWait;
  if (incomplete || text.size() <= shown_.size() || !text.starts_with(shown_)) return {};
  std::string fresh = text.substr(shown_.size());
  window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(context_));
  context_ = window_.size();
  shown_ = decode_window();
  return fresh;
}

std::string StreamDecoder::finish() {
  const std::string text = decode_window();
  const auto same = std::mismatch(text.begin(), text.end(), shown_.begin(), shown_.end()).first;
  std::string rest(same, text.end());
  window_.clear();
  shown_.clear();
  context_ = 0;
  return rest;
}

}  // namespace mhub
