// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/text_collector.hpp"

namespace mhub::runtime {

TextCollector::TextCollector(const Tokenizer& tokenizer, std::vector<std::string> stop_strings,
                             OnText on_text)
    : tokenizer_(tokenizer),
      decoder_(tokenizer, {.skip_special_tokens = true}),
      stops_(std::move(stop_strings)),
      on_text_(std::move(on_text)) {}

bool TextCollector::put(std::int64_t token) {
  const auto id = static_cast<TokenId>(token);
  emit(stops_.put(decoder_.put(id)));
  // Special tokens are no part of the text, but a stop string may name them (transformers'
  // StopStringCriteria).
  if (tokenizer_.is_special(id))
    emit(stops_.put(tokenizer_.token_of(id).value_or(""), StopStrings::Text::hidden));
  return stops_.found();
}

std::string TextCollector::finish() {
  emit(stops_.put(decoder_.finish()));
  emit(stops_.finish());
  return text_;
}

void TextCollector::emit(const std::string& piece) {
  text_ += piece;
  if (on_text_ && !piece.empty()) on_text_(piece);
}

}  // namespace mhub::runtime
