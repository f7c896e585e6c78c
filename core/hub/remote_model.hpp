// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/base/file_set.hpp"
#include "mhub/hub/remote_bytes.hpp"
#include "mhub/store/sharded_folder.hpp"

namespace mhub {

/// A model that stays on the Hub: small files are fetched when they are asked for and checked against their
/// hashes, weights are read by ranges. Nothing is written. The bytes that it gives keep it alive.
class RemoteModel final : public FileSet,
                          public WeightFolder,
                          public std::enable_shared_from_this<RemoteModel> {
 public:
  /// Asks for the list of files. Throws as Hub does.
  RemoteModel(std::shared_ptr<Hub> hub, const RepoId& id);

  const std::string& commit() const { return commit_; }
  const RepoFiles& all() const { return all_; }
  /// Fetches the headers of all safetensors that make up the model, many at a time. Throws InputError for a
  /// repository without weights that mhub reads.
  void fetch_headers();
  /// Fetches them once more, which no hash checks; whether one of them is another now.
  bool renew_headers();
  /// Weights will be read, all of them once: in long ranges, ahead of who reads.
  void prepare_reading();

  bool has(const std::string& name) const override;
  std::string read(const std::string& name, std::uint64_t limit) const override;
  std::vector<std::string> names(const std::string& folder) const override;
  std::vector<std::string> others() const override { return {}; }
  std::uint64_t size(const std::string& name) const override;
  std::string place(const std::string& name) const override { return address_ + "/" + name; }
  const std::string& source() const override { return address_; }
  std::shared_ptr<const ByteSource> bytes(const std::string& name) const override;

 private:
  const RepoFile& listed(const std::string& name) const;
  std::unique_ptr<RemoteBytes> open(const RepoFile& file) const;

  std::shared_ptr<Hub> hub_;
  RepoId id_;
  std::string commit_, address_;
  RepoFiles all_;
  std::map<std::string, std::unique_ptr<RemoteBytes>> opened_;
  std::unique_ptr<BlockCache> blocks_;  ///< ends before the files that it reads
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::string> texts_;  ///< small files that have come
};

}  // namespace mhub
