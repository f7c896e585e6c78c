// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "mhub/base/file.hpp"

namespace mhub {

/// A lock that huggingface_hub's WeakFileLock respects: flock on a file that stays (filelock's
/// _native/_unix.py). Where the file system has no flock, nothing is locked: who writes a blob checks it
/// before it gets its name.
class FileLock {
 public:
  explicit FileLock(std::filesystem::path path) : path_(std::move(path)) {}
  /// Whether it is ours now. Does not wait. Throws IoError.
  bool try_take();
  /// Gives it back; so does the destructor.
  void release() { descriptor_ = Descriptor(); }

 private:
  std::filesystem::path path_;
  Descriptor descriptor_;
};

}  // namespace mhub
