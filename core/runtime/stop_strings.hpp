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

  /// The text that is certain after this piece: not part of a stop string, whatever follows. Once a stop
  /// string has been found, nothing more.
  std::string put(std::string_view piece);
  /// What was held back, when no more text comes.
  std::string finish();
  /// True when a stop string has occurred; the text before it has been handed out.
  bool found() const { return found_; }

 private:
  std::vector<std::string> strings_;
  std::string held_;
  bool found_ = false;
};

}  // namespace mhub::runtime
