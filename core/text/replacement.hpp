// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mhub/text/settings.hpp"

namespace mhub::text {

/// "pattern" and "content" of a Replace, which is a normalizer and a decoder: every match becomes the
/// content. Thread-safe.
class Replacement {
 public:
  explicit Replacement(const Settings& settings);
  /// Throws InputError where text grows without end (WorkLimit).
  std::string apply(std::string_view text) const;
  /// A match at the start of `text` becomes nothing.
  bool removes_start_of(std::string_view text) const;

 private:
  void append_content(std::string& out) const;

  std::string content_;
  std::optional<std::string> literal_;  ///< a pattern without metacharacters, found without the regex
  Regex regex_;
};

}  // namespace mhub::text
