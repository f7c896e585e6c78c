// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "mhub/base/byte_source.hpp"
#include "mhub/base/mapped_file.hpp"

namespace mhub {

namespace fs = std::filesystem;

/// Files share whole blocks of this size, on XFS and Btrfs as they are made by default. Where a file system's
/// are larger, less is shared.
inline constexpr std::uint64_t kFileBlock = 4096;
/// The first place from `offset` on that lies `phase` bytes into a block.
constexpr std::uint64_t at_phase(std::uint64_t offset, int phase) {
  const auto wanted = static_cast<std::uint64_t>(phase);
  return offset + (wanted + kFileBlock - offset % kFileBlock) % kFileBlock;
}

/// Owns the number of an open file.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  /// Opens. Throws IoError "`operation` path: reason".
  Descriptor(const char* operation, const std::string& path, int flags);
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  int get() const { return number_; }
  /// Flushes to the device (fsync) and closes; nothing where it is closed. Throws IoError.
  void flush_and_close(const std::string& path);

 private:
  int number_ = -1;
};

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
  bool in_file() const override { return true; }
  int descriptor() const override { return descriptor_.get(); }
  /// The whole file mapped read-only at the first call; valid while this object lives.
  std::span<const std::byte> map() const override;

 private:
  std::string path_;
  Descriptor descriptor_;
  std::uint64_t size_ = 0;
  mutable std::once_flag map_once_;
  mutable std::optional<MappedFile> mapped_;
};

/// Whether an output begins anew or goes on where an interrupted run stopped.
enum class OutputMode {
  create,  ///< the file must not exist yet
  resume,  ///< the file may exist; what is in it stays until it is overwritten
};

/// A file being written. It ends where the last byte that was written or read back ends; what lay behind that
/// is cut off at `close`. Positional writes are thread-safe; errors (disk full, quota, I/O) throw IoError
/// that names the path.
class OutputFile {
 public:
  explicit OutputFile(std::string path, OutputMode mode = OutputMode::create);

  void write(std::uint64_t offset, std::span<const std::byte> data);
  /// Reads back; false when the file is not that long.
  bool read(std::uint64_t offset, std::span<std::byte> out) const;
  /// Gives bytes [offset, offset + size) of this file the blocks that `source` has from `from` on, as many
  /// as are whole on both sides; which bytes are so then. None where the file systems cannot: they must be
  /// written.
  ByteRange share(std::uint64_t offset, const ByteSource& source, std::uint64_t from, std::uint64_t size);
  /// Flushes to the device (fsync); nothing is cut off.
  void flush() const;
  /// Flushes to the device (fsync) and closes; further writes are a programming error.
  void close();

 private:
  void reaches(std::uint64_t end) const;

  std::string path_;
  Descriptor descriptor_;
  mutable std::atomic<std::uint64_t> end_{0};
  std::atomic<bool> shares_{true};  ///< until the file system said that it does not
};

/// All bytes of a source, which messages call `name`, as a string. Refuses more than `limit` with InputError.
std::string read_all(const ByteSource& source, const std::string& name, std::uint64_t limit);
/// The same of a file.
std::string read_file(const std::string& path, std::uint64_t limit);
/// Whether a regular file begins with these bytes. Throws like InputFile.
bool begins_with(const std::string& path, std::string_view magic);
/// Creates `path` with `content` and flushes it to the device.
void write_file(const std::string& path, const std::string& content);
/// The same, over a file that may be there.
void replace_file(const std::string& path, const std::string& content);
/// Who writes a file of that name.
enum class Writers { one, several };
/// Gives a file its content at once: who looks sees all of the old one or all of the new one. Where several
/// write, each has a temporary file of its own; of one it always has the same name, and what a kill left is
/// used again.
void put_file(const std::string& path, const std::string& content, Writers writers = Writers::one);
/// Whether `path`, with all links followed and as far as it exists, is `place` or lies in it, whatever either
/// is called: by device and inode of every parent.
bool lies_within(const fs::path& path, const fs::path& place);
/// Whether an attempt on a path failed because nothing is there, and not because the system refused.
bool is_absence(const std::error_code& error);
/// fsync on a folder, so that the names in it survive a power cut.
void sync_directory(const std::string& path);

}  // namespace mhub
