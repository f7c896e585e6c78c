// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/base/progress.hpp"
#include "mhub/hub/cache.hpp"
#include "mhub/hub/hub.hpp"

namespace mhub {

/// What is fetched, and how.
struct FetchRequest {
  std::string repo, commit;
  RepoFiles files;
  int connections = 8;
  /// Told of bytes that have come to stay, those of an earlier download among them. May throw.
  std::function<void(std::uint64_t)> on_bytes = {};
  /// Told how many bytes of a file are there, from its beginning; fewer than before where they were wrong.
  std::function<void(const RepoFile&, std::uint64_t)> on_size = {};
  /// Told that a blob is in the cache and its name in the snapshot.
  std::function<void(const RepoFile&)> on_file = {};
};

/// Brings files into the cache, several ranges at a time, each checked against its hash and then linked into
/// the snapshot. What another process fetches is left to it and waited for; what is there already is only
/// linked. Whatever ends it, the next call goes on where this one stopped. Throws what Hub throws, and
/// IoError for a file that twice came with the same wrong hash.
void fetch_blobs(Hub& hub, const RepoCache& cache, const FetchRequest& request);

}  // namespace mhub
