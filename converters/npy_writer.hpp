// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "mhub/base/file.hpp"
#include "mhub/base/staging.hpp"

namespace mhub::converters {

/// How an .npy file begins (numpy/lib/format.py).
inline constexpr std::string_view kNpyMagic = "\x93NUMPY";

/// A float32 matrix written row after row as NumPy's .npy, version 1.0 (numpy/lib/format.py).
class NpyWriter {
 public:
  NpyWriter(const std::string& path, std::int64_t rows, std::int64_t columns);

  void append(std::span<const float> values) { write(std::as_bytes(values)); }
  void finish() { file_.close(); }

 private:
  void write(std::span<const std::byte> bytes);

  OutputFile file_;
  std::uint64_t end_ = 0;
};

/// How such a file gets its name: complete or not at all, in the place of another .npy file where `overwrite`
/// says so. `name` is what it is called inside the staging folder.
StagingOptions npy_staging(const std::string& name, bool overwrite);

}  // namespace mhub::converters
