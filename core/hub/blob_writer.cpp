// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/blob_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "mhub/base/error.hpp"
#include "mhub/hub/etag.hpp"

namespace mhub {
namespace {

/// As curl writes (CURL_MAX_WRITE_SIZE): longer writes make Linux 6 take the page cache's memory in large
/// pieces, and a virtual machine that reports such pieces as free gets them back from its host at 300 MB/s.
constexpr std::size_t kStep = 16 << 10;
constexpr std::size_t kWindow = 4 << 20;

}  // namespace

BlobWriter::BlobWriter(const RepoCache& cache, const RepoFile& file)
    : file_(file), incomplete_(cache.incomplete(file.etag())), blob_(cache.blob(file.etag())) {
  std::error_code error;
  fs::create_directories(blob_.parent_path(), error);
  if (error) throw IoError("cannot create", blob_.parent_path().string(), error.value());
  begin_hash();
  output_ = Descriptor("cannot create", incomplete_.string(), O_RDWR | O_CREAT);
  if (fs::file_size(incomplete_) > file_.size)
    return;  // of something else: overwritten, and cut off at the end
  std::vector<std::byte> window(kWindow);
  while (const std::size_t count = read_some(window)) {
    digest_->update(std::span(window).first(count));
    size_ += count;
  }
}

std::size_t BlobWriter::read_some(std::span<std::byte> out) const {
  for (;;) {
    const ssize_t n = ::pread(output_.get(), out.data(), out.size(), static_cast<off_t>(size_));
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) throw IoError("cannot read back", incomplete_.string(), errno);
  }
}

void BlobWriter::begin_hash() {
  digest_ = begin_etag(!file_.sha256.empty(), file_.size);
  size_ = 0;
}

void BlobWriter::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::span<const std::byte> step = bytes.first(std::min(bytes.size(), kStep));
    digest_->update(step);
    write(step);
    bytes = bytes.subspan(step.size());
  }
}

void BlobWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(output_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (n < 0) {
      if (errno == EINTR) continue;
      throw IoError("cannot write", incomplete_.string(), errno);
    }
    size_ += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

std::optional<std::string> BlobWriter::finish() {
  std::string found = digest_->hex();
  const bool right = found == file_.etag();
  if (::ftruncate(output_.get(), right ? static_cast<off_t>(size_) : 0) != 0)
    throw IoError("cannot cut off", incomplete_.string(), errno);
  if (!right) {
    begin_hash();
    return found;
  }
  output_ = Descriptor();
  std::error_code error;
  fs::rename(incomplete_, blob_, error);
  if (error) throw IoError("cannot rename " + incomplete_.string() + " to", blob_.string(), error.value());
  return std::nullopt;
}

}  // namespace mhub
