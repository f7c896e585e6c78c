// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "mhub/runtime/stop_strings.hpp"
#include "mhub/text/tokenizer.hpp"

namespace mhub::runtime {

/// Turns new tokens into text piece by piece and says when a stop string has come.
class TextCollector {
 public:
  using OnText = std::function<void(std::string_view)>;

  /// `on_text`, if any, is called with text as it becomes certain. `tokenizer` must outlive this.
  TextCollector(const Tokenizer& tokenizer, std::vector<std::string> stop_strings, OnText on_text);
  /// True when generation ends here.
  bool put(std::int64_t token);
  /// All of the text, when no more tokens come.
  std::string finish();

 private:
  void emit(const std::string& piece);

  const Tokenizer& tokenizer_;
  StreamDecoder decoder_;
  StopStrings stops_;
  OnText on_text_;
  std::string text_;
};

}  // namespace mhub::runtime
