// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <random>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mhub/base/error.hpp"

namespace mhub {

namespace {

/// Fills `out` as far as the file goes; how much that is.
std::size_t read_some(const Descriptor& file, const char* operation, const std::string& path,
                      std::uint64_t offset, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n =
        ::pread(file.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw IoError(operation, path, errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

}  // namespace

Descriptor::Descriptor(const char* operation, const std::string& path, int flags)
    : number_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
  if (number_ < 0) throw IoError(operation, path, errno);
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

void Descriptor::flush_and_close(const std::string& path) {
  const int number = std::exchange(number_, -1);
  if (number < 0) return;
  const int sync_error = ::fsync(number) == 0 ? 0 : errno;
  const int close_error = ::close(number) == 0 ? 0 : errno;
  if (sync_error != 0) throw IoError("cannot flush", path, sync_error);
  if (close_error != 0) throw IoError("cannot close", path, close_error);
}

// O_NONBLOCK keeps a FIFO in the place of a file from hanging the open; it means nothing for regular files.
InputFile::InputFile(std::string path)
    : path_(std::move(path)), descriptor_("cannot open", path_, O_RDONLY | O_NONBLOCK) {
  struct stat info {};
  if (::fstat(descriptor_.get(), &info) != 0) throw IoError("cannot stat", path_, errno);
  if (!S_ISREG(info.st_mode)) throw InputError(path_ + ": expected a regular file");
  size_ = static_cast<std::uint64_t>(info.st_size);
}

InputFile::~InputFile() = default;

void InputFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  const std::size_t done = read_some(descriptor_, "cannot read", path_, offset, out);
  if (done == out.size()) return;
  throw IoError(path_ + ": ends at byte " + std::to_string(offset + done) + ", expected " +
                std::to_string(offset + out.size()) + "; the file is truncated or changed while it was read");
}

std::string InputFile::fingerprint() const {
  struct stat info {};
  if (::fstat(descriptor_.get(), &info) != 0) throw IoError("cannot stat", path_, errno);
  auto time = [](const timespec& t) { return std::to_string(t.tv_sec) + "." + std::to_string(t.tv_nsec); };
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) + " " +
         std::to_string(info.st_size) + " " + time(info.st_mtim);
}

std::span<const std::byte> InputFile::map() const {
  std::call_once(map_once_, [this] {
    if (size_ > 0) mapped_.emplace(descriptor_.get(), size_, path_.c_str());
  });
  if (!mapped_) return {};
  return mapped_->bytes();
}

OutputFile::OutputFile(std::string path, OutputMode mode)
    : path_(std::move(path)),
      descriptor_("cannot create", path_, O_RDWR | O_CREAT | (mode == OutputMode::create ? O_EXCL : 0)) {}

void OutputFile::write(std::uint64_t offset, std::span<const std::byte> data) {
  std::size_t done = 0;
  while (done < data.size()) {
    const ssize_t n = ::pwrite(descriptor_.get(), data.data() + done, data.size() - done,
                               static_cast<off_t>(offset + done));
    if (n < 0) {
      if (errno == EINTR) continue;
      throw IoError("cannot write", path_, errno);
    }
    done += static_cast<std::size_t>(n);
  }
  reaches(offset + data.size());
  // Only a hint, whose result says nothing: the device begins now, and the flush at the end finds less to do.
  ::sync_file_range(descriptor_.get(), static_cast<off_t>(offset), static_cast<off_t>(data.size()),
                    SYNC_FILE_RANGE_WRITE);
}

bool OutputFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (read_some(descriptor_, "cannot read back", path_, offset, out) != out.size()) return false;
  reaches(offset + out.size());
  return true;
}

ByteRange OutputFile::share(std::uint64_t offset, const ByteSource& source, std::uint64_t from,
                            std::uint64_t size) {
  const std::uint64_t begin = (offset + kFileBlock - 1) / kFileBlock * kFileBlock;
  const std::uint64_t end = (offset + size) / kFileBlock * kFileBlock;
  const bool congruent = offset % kFileBlock == from % kFileBlock;
  if (!shares_ || source.descriptor() < 0 || !congruent || begin >= end) return {offset, offset};
  struct file_clone_range range {};
  range.src_fd = source.descriptor();
  range.src_offset = from + (begin - offset);
  range.src_length = end - begin;
  range.dest_offset = begin;
  while (::ioctl(descriptor_.get(), FICLONERANGE, &range) != 0) {
    if (errno == EINTR) continue;
    // Larger blocks, or a source that has become shorter, are EINVAL, and the next run may do. Whatever is
    // wrong beside that, writing the bytes will tell.
    if (errno != EINVAL) shares_ = false;
    return {offset, offset};
  }
  reaches(end);
  return {begin, end};
}

void OutputFile::reaches(std::uint64_t end) const {
  for (std::uint64_t known = end_; known < end && !end_.compare_exchange_weak(known, end);) {
  }
}

void OutputFile::flush() const {
  while (::fsync(descriptor_.get()) != 0) {
    if (errno != EINTR) throw IoError("cannot flush", path_, errno);
  }
}

void OutputFile::close() {
  if (descriptor_.get() >= 0 && ::ftruncate(descriptor_.get(), static_cast<off_t>(end_)) != 0)
    throw IoError("cannot cut off", path_, errno);
  descriptor_.flush_and_close(path_);
}

std::string read_all(const ByteSource& source, const std::string& name, std::uint64_t limit) {
  if (source.size() > limit) {
    throw InputError(name + ": " + std::to_string(source.size()) + " bytes, expected at most " +
                     std::to_string(limit));
  }
  std::string content(source.size(), '\0');
  source.read(0, std::as_writable_bytes(std::span(content)));
  return content;
}

std::string read_file(const std::string& path, std::uint64_t limit) {
  return read_all(InputFile(path), path, limit);
}

bool begins_with(const std::string& path, std::string_view magic) {
  const InputFile file(path);
  std::string begin(magic.size(), '\0');
  if (file.size() < begin.size()) return false;
  file.read(0, std::as_writable_bytes(std::span(begin)));
  return begin == magic;
}

void write_file(const std::string& path, const std::string& content) {
  OutputFile file(path);
  file.write(0, std::as_bytes(std::span(content)));
  file.close();
}

void replace_file(const std::string& path, const std::string& content) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw IoError("cannot replace", path, errno);
  write_file(path, content);
}

void put_file(const std::string& path, const std::string& content, Writers writers) {
  const fs::path place = path;
  std::string name = "." + place.filename().string() + ".mhub-next";
  if (writers == Writers::several) {
    std::random_device random;
    name += "-" + std::to_string(random()) + "-" + std::to_string(random());
  }
  const std::string next = (place.parent_path() / name).string();
  replace_file(next, content);
  std::error_code error;
  fs::rename(next, path, error);
  if (error) throw IoError("cannot rename " + next + " to", path, error.value());
}

bool lies_within(const fs::path& path, const fs::path& place) {
  std::error_code error;
  fs::path at = fs::weakly_canonical(fs::absolute(path));
  while (!fs::equivalent(at, place, error)) {
    if (error && !is_absence(error)) throw IoError("cannot stat", at.string(), error.value());
    if (at == at.parent_path()) return false;
    at = at.parent_path();
  }
  return true;
}

bool is_absence(const std::error_code& error) {
  return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

void sync_directory(const std::string& path) {
  const Descriptor folder("cannot open folder", path, O_RDONLY | O_DIRECTORY);
  if (::fsync(folder.get()) != 0) throw IoError("cannot flush folder", path, errno);
}

}  // namespace mhub
