// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/blob_writer.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"

namespace mhub {

BlobWriter::BlobWriter(const RepoCache& cache, const RepoFile& file)
    : file_(file), incomplete_(cache.incomplete(file.etag())), blob_(cache.blob(file.etag())) {
  std::error_code error;
  fs::create_directories(blob_.parent_path(), error);
  if (error) throw IoError("cannot create", blob_.parent_path().string(), error.value());
  begin_hash();
  open();
  const std::uint64_t there = fs::file_size(incomplete_, error);
  if (error || there > file_.size) return;  // of something else: overwritten, and cut off at the end
  constexpr std::uint64_t kStep = 4 << 20;
  std::vector<std::byte> window;
  while (size_ < there) {
    window.resize(static_cast<std::size_t>(std::min(kStep, there - size_)));
    if (!output_->read(size_, window)) throw IoError(incomplete_.string() + ": was cut off by somebody else");
    digest_->update(window);
    size_ += window.size();
  }
}

/// A small file has the name that git gives its blob: the hash of "blob SIZE", a zero and the content.
void BlobWriter::begin_hash() {
  const bool large = !file_.sha256.empty();
  digest_ = http_driver().make_digest(large ? DigestKind::sha256 : DigestKind::sha1);
  size_ = 0;
  if (large) return;
  const std::string begin = "blob " + std::to_string(file_.size);
  digest_->update(std::as_bytes(std::span(begin.c_str(), begin.size() + 1)));
}

void BlobWriter::open() { output_.emplace(incomplete_.string(), OutputMode::resume); }

void BlobWriter::append(std::span<const std::byte> bytes) {
  output_->write(size_, bytes);
  digest_->update(bytes);
  size_ += bytes.size();
}

std::optional<std::string> BlobWriter::finish() {
  output_->close();
  std::error_code error;
  if (std::string found = digest_->hex(); found != file_.etag()) {
    fs::resize_file(incomplete_, 0, error);
    if (error) throw IoError("cannot cut off", incomplete_.string(), error.value());
    begin_hash();
    open();
    return found;
  }
  fs::rename(incomplete_, blob_, error);
  if (error) throw IoError("cannot rename " + incomplete_.string() + " to", blob_.string(), error.value());
  output_.reset();
  return std::nullopt;
}

}  // namespace mhub
