// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace mhub {

/// A whole file mapped read-only into memory. Reading a page of it that the file no longer has (it was cut
/// off, or its device fails) raises SIGBUS; a program's handler can ask which file that was.
class MappedFile {
 public:
  /// `name` must live as long as this object. Throws IoError.
  MappedFile(int descriptor, std::size_t size, const char* name);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

  /// The name of the file that is mapped at an address; nullptr for none. Async-signal-safe.
  static const char* name_at(const void* address) noexcept;

 private:
  struct Place;

  std::span<const std::byte> bytes_;
  Place* place_;
};

}  // namespace mhub
