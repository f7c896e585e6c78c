// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "mhub/base/file.hpp"
#include "mhub/hub/cache.hpp"
#include "mhub/hub/http/driver.hpp"

namespace mhub {

/// A blob on its way into the cache: its bytes come in order and are hashed as they come, so that what a
/// killed download leaves is the beginning of the file and nothing else. For who holds the blob's lock. As
/// with huggingface_hub, nothing waits for the device: where a power cut leaves a blob short, its reader says
/// so, and a download does not take the disk's time on top of the network's.
class BlobWriter {
 public:
  /// Takes over what an earlier download left. Throws IoError.
  BlobWriter(const RepoCache& cache, const RepoFile& file);

  /// Bytes that are there.
  std::uint64_t size() const { return size_; }
  void append(std::span<const std::byte> bytes);
  /// All are there: gives the blob its name, or says which hash it has instead of the right one, and has
  /// thrown the bytes away.
  std::optional<std::string> finish();

 private:
  void begin_hash();
  void write(std::span<const std::byte> bytes);
  std::size_t read_some(std::span<std::byte> out) const;

  const RepoFile& file_;
  std::filesystem::path incomplete_, blob_;
  Descriptor output_;
  std::unique_ptr<Digest> digest_;
  std::uint64_t size_ = 0;
};

}  // namespace mhub
