// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mhub::runtime {

/// Finds stop strings in text that arrives in pieces, and holds back what may be the beginning of one.
class StopStrings {
 public:
  /// Empty strings are ignored.
  explicit StopStrings(std::vector<std::string> strings);

  enum class Text { shown, hidden };  ///< hidden: found, but never handed out (special tokens)
  /// The text that is certain after this piece: not part of a stop string, whatever follows. Once a stop
  /// string has been found, nothing more.
  std::string put(std::string_view piece, Text text = Text::shown);
  /// What was held back, when no more text comes.
  std::string finish();
  /// True when a stop string has occurred; the text before it has been handed out.
  bool found() const { return found_; }

 private:
  /// Takes the first `count` bytes out of what is held; the shown ones are returned.
  std::string take(std::size_t count);

  std::vector<std::string> strings_;
  std::string held_;
  std::vector<Text> kinds_;  ///< of each byte of held_
  bool found_ = false;
};

}  // namespace mhub::runtime
