// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <streambuf>
#include <string>
#include <string_view>

namespace mhub::converters {

/// Text that quotes files, for a person: what could steer a terminal or hide is escaped, "\x1b", "\u202e"
/// (control characters but for the line's end and tabs, C1, bidirectional ones, bytes that are no UTF-8).
std::string printable_text(std::string_view text);

/// The command's standard output while this lives. On a terminal it is printable_text, and lines are cut;
/// elsewhere every byte is as it was written.
class Output {
 public:
  Output();
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /// Writes what is left. Throws IoError when anything could not be written: a full disk, a closed pipe that
  /// did not kill this process.
  void finish();

 private:
  std::unique_ptr<std::streambuf> filter_;
  std::streambuf* original_;
};

/// What a terminal gets from here on: printable text in lines that are cut, which is how a command begins;
/// in whole lines, for a model's text; every byte, for JSON.
enum class Shown { cut, whole, exact };
void show(Shown how);

}  // namespace mhub::converters
