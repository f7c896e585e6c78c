// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "mhub/base/error.hpp"

namespace mhub {

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  // O_NONBLOCK keeps a FIFO in the place of a file from hanging the open; it means nothing for regular files.
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) throw IoError("cannot open", path_, errno);
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0) {
    const int error = errno;
    ::close(descriptor_);
    throw IoError("cannot stat", path_, error);
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(descriptor_);
    throw InputError(path_ + ": expected a regular file");
  }
  size_ = static_cast<std::uint64_t>(info.st_size);
}

InputFile::~InputFile() {
  if (mapping_ != nullptr) ::munmap(mapping_, size_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

void InputFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n =
        ::pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n < 0) {
      if (errno == EINTR) continue;
      throw IoError("cannot read", path_, errno);
    }
    if (n == 0) {
      throw IoError(path_ + ": ends at byte " + std::to_string(offset + done) + ", expected " +
                    std::to_string(offset + out.size()) +
                    "; the file is truncated or changed while it was read");
    }
    done += static_cast<std::size_t>(n);
  }
}

std::string InputFile::fingerprint() const {
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0) throw IoError("cannot stat", path_, errno);
  auto time = [](const timespec& t) { return std::to_string(t.tv_sec) + "." + std::to_string(t.tv_nsec); };
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) + " " +
         std::to_string(info.st_size) + " " + time(info.st_mtim);
}

std::span<const std::byte> InputFile::map() const {
  std::call_once(map_once_, [this] {
    if (size_ == 0) return;
    void* address = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor_, 0);
    if (address == MAP_FAILED) throw IoError("cannot map", path_, errno);
    mapping_ = address;
  });
  if (mapping_ == nullptr) return {};
  return {static_cast<const std::byte*>(mapping_), size_};
}

OutputFile::OutputFile(std::string path, OutputMode mode) : path_(std::move(path)) {
  const int exclusive = mode == OutputMode::create ? O_EXCL : 0;
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | exclusive | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw IoError("cannot create", path_, errno);
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OutputFile::write(std::uint64_t offset, std::span<const std::byte> data) {
  std::size_t done = 0;
  while (done < data.size()) {
    const ssize_t n =
        ::pwrite(descriptor_, data.data() + done, data.size() - done, static_cast<off_t>(offset + done));
    if (n < 0) {
      if (errno == EINTR) continue;
      throw IoError("cannot write", path_, errno);
    }
    done += static_cast<std::size_t>(n);
  }
  // Only a hint, whose result says nothing: the device begins now, and the flush at the end finds less to do.
  ::sync_file_range(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(data.size()),
                    SYNC_FILE_RANGE_WRITE);
}

bool OutputFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n =
        ::pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw IoError("cannot read back", path_, errno);
    if (n == 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

void OutputFile::close() {
  const int descriptor = std::exchange(descriptor_, -1);
  if (descriptor < 0) return;
  const int sync_error = ::fsync(descriptor) == 0 ? 0 : errno;
  const int close_error = ::close(descriptor) == 0 ? 0 : errno;
  if (sync_error != 0) throw IoError("cannot flush", path_, sync_error);
  if (close_error != 0) throw IoError("cannot close", path_, close_error);
}

std::string read_file(const std::string& path, std::uint64_t limit) {
  const InputFile file(path);
  if (file.size() > limit) {
    throw InputError(path + ": " + std::to_string(file.size()) + " bytes, expected at most " +
                     std::to_string(limit));
  }
  std::string content(file.size(), '\0');
  file.read(0, std::as_writable_bytes(std::span(content)));
  return content;
}

void write_file(const std::string& path, std::span<const std::byte> content) {
  OutputFile file(path);
  file.write(0, content);
  file.close();
}

void write_file(const std::string& path, const std::string& content) {
  write_file(path, std::as_bytes(std::span(content)));
}

void replace_file(const std::string& path, const std::string& content) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw IoError("cannot replace", path, errno);
  write_file(path, content);
}

void sync_directory(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw IoError("cannot open folder", path, errno);
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  if (error != 0) throw IoError("cannot flush folder", path, error);
}

}  // namespace mhub
