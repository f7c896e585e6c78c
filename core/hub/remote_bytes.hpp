// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <mutex>

#include "mhub/base/byte_source.hpp"
#include "mhub/base/parallel.hpp"
#include "mhub/hub/block_cache.hpp"
#include "mhub/hub/range.hpp"

namespace mhub {

/// A file on the Hub, read by ranges. Without a cache of blocks, what came once is kept: headers are read in
/// small steps.
class RemoteBytes final : public ByteSource, public BlockSource {
 public:
  /// `address` is what it is called in messages.
  RemoteBytes(std::shared_ptr<Hub> hub, const RepoId& id, const std::string& commit, const RepoFile& file,
              std::string address);

  std::uint64_t size() const override { return reader_.file().size; }
  const std::string& name() const override { return address_; }
  /// The commit that it is read at does not change.
  std::string fingerprint() const override { return reader_.file().etag(); }
  void read(std::uint64_t offset, std::span<std::byte> out) const override;
  bool arrives() const override { return true; }
  bool in_file() const override { return true; }

  /// From now on all but the header is read through that cache, which must outlive this.
  void read_through(BlockCache& blocks) { blocks_ = &blocks; }
  std::uint64_t front() const override;
  void fetch(std::uint64_t begin, std::uint64_t end, std::vector<std::byte>& out) const override;
  /// Fetches the header of a safetensors file (store/safetensors/README.md), in one or two ranges.
  void fetch_header() const;
  /// Fetches it once more; whether it is another one now.
  bool renew_header() const;

 private:
  std::shared_ptr<Hub> hub_;
  std::string address_;
  BlockCache* blocks_ = nullptr;
  mutable RangeReader reader_;
  mutable std::mutex mutex_;
  mutable std::map<std::uint64_t, std::vector<std::byte>> parts_;  ///< by their begin
};

/// Fetches the headers of files (which have `renew_header`) once more, so many at a time; whether one of them
/// is another now. No hash checks a header.
template <class File>
bool renew_headers(const std::vector<const File*>& files, std::size_t at_a_time) {
  std::atomic<bool> renewed = false;
  for_all(files.size(), at_a_time, [&](std::size_t k) {
    if (files[k]->renew_header()) renewed = true;
  });
  return renewed;
}

}  // namespace mhub
