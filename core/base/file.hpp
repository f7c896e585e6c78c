// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "mhub/base/byte_source.hpp"

namespace mhub {

/// A regular file opened for reading. Reads go through pread, so that a file which shrinks under us gives an
/// IoError and not a SIGBUS; `map` serves those who want the pages themselves. Thread-safe.
class InputFile final : public ByteSource {
 public:
  /// Throws IoError when the file cannot be opened, InputError when it is not a regular file.
  explicit InputFile(std::string path);
  ~InputFile() override;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::uint64_t size() const override { return size_; }
  const std::string& name() const override { return path_; }
  /// Throws IoError when the bytes are not there (any more).
  void read(std::uint64_t offset, std::span<std::byte> out) const override;
  /// Device, inode, size and modification time of the open file: bytes changed in place show, renaming does
  /// not.
  std::string fingerprint() const override;
  /// The whole file mapped read-only at the first call; valid while this object lives.
  std::span<const std::byte> map() const override;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  mutable std::once_flag map_once_;
  mutable void* mapping_ = nullptr;
};

/// Whether an output begins anew or goes on where an interrupted run stopped.
enum class OutputMode {
  create,  ///< the file must not exist yet
  resume,  ///< the file may exist; what is in it stays until it is overwritten
};

/// A file being written. Nothing is truncated to its final size before `close`. Positional writes are
/// thread-safe; errors (disk full, quota, I/O) throw IoError that names the path.
class OutputFile {
 public:
  explicit OutputFile(std::string path, OutputMode mode = OutputMode::create);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  const std::string& path() const { return path_; }
  void write(std::uint64_t offset, std::span<const std::byte> data);
  /// Reads back; false when the file is not that long.
  bool read(std::uint64_t offset, std::span<std::byte> out) const;
  /// Flushes to the device (fsync) and closes; further writes are a programming error.
  void close();

 private:
  std::string path_;
  int descriptor_ = -1;
};

/// The whole file as a string. Refuses files over `limit` bytes with InputError.
std::string read_file(const std::string& path, std::uint64_t limit);
/// Creates `path` with `content` and flushes it to the device.
void write_file(const std::string& path, std::span<const std::byte> content);
void write_file(const std::string& path, const std::string& content);
/// The same, over a file that may be there.
void replace_file(const std::string& path, const std::string& content);
/// fsync on a folder, so that the names in it survive a power cut.
void sync_directory(const std::string& path);

}  // namespace mhub
