// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <fstream>
#include <span>
#include <string>

namespace mhub::converters {

/// A float32 matrix written row after row as NumPy's .npy, version 1.0 (numpy/lib/format.py). The file
/// appears under its name when it is complete; an existing one is replaced.
class NpyWriter {
 public:
  NpyWriter(std::string path, std::int64_t rows, std::int64_t columns);
  ~NpyWriter();
  NpyWriter(const NpyWriter&) = delete;
  NpyWriter& operator=(const NpyWriter&) = delete;

  void append(std::span<const float> values);
  /// Throws IoError when not everything could be written.
  void finish();

 private:
  std::string path_, temporary_;
  std::ofstream file_;
};

}  // namespace mhub::converters
