// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace mhub::text {

/// What one call may spend on a text: a tokenizer.json or a chat template is foreign, and a few hundred bytes
/// of it can double a text forty times or search it for hours. One lives on the stack of each call that
/// encodes, decodes or renders; what works charges the innermost one of its thread. Without one nothing is
/// limited.
class WorkLimit {
 public:
  /// For a text (or the tokens of one) of that many bytes: 200 times that and 8 MiB of new text; 4 seconds of
  /// this thread and 4 microseconds a byte, fifty times what real tokenizers take. `origin` begins errors and
  /// must live as long as this object.
  WorkLimit(std::size_t bytes, std::string_view origin);
  ~WorkLimit();
  WorkLimit(const WorkLimit&) = delete;
  WorkLimit& operator=(const WorkLimit&) = delete;

  /// That much text was made beyond what was there. Throws InputError.
  static void made(std::size_t bytes);
  /// That many steps, of some nanoseconds each, were gone. Looks at the clock now and then. Throws
  /// InputError.
  static void gone(std::size_t steps);
  /// The same without an error: whether the time is over.
  static bool is_over(std::size_t steps);

 private:
  [[noreturn]] void fail(const std::string& what) const;

  WorkLimit* outer_;
  std::string_view origin_;
  std::size_t bytes_;
  std::size_t room_;
  std::chrono::nanoseconds end_;  ///< of the thread's processor time
  std::size_t steps_ = 0;         ///< since somebody looked at the clock
};

}  // namespace mhub::text
