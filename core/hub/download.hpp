// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/base/progress.hpp"
#include "mhub/hub/hub.hpp"
#include "mhub/hub/needed_files.hpp"

namespace mhub {

/// What is brought here of a repository.
struct DownloadOptions {
  Wanted wanted = Wanted::model;
  /// Files whose names match one of these, instead of what a model needs: patterns of the shell, '*' also
  /// over '/', "folder/" for all in it (huggingface_hub's allow_patterns).
  std::vector<std::string> include = {};
  std::vector<std::string> exclude = {};  ///< but for these
  int connections = 8;
  Callbacks callbacks = {};
  /// Told once, before the weights come: the snapshot, where all else is, and which weights will be.
  std::function<void(const std::string&, const RepoFiles&)> on_weights = {};
  /// As in FetchRequest.
  std::function<void(const RepoFile&, std::uint64_t)> on_size = {};
  std::function<void(const RepoFile&)> on_file = {};
};

/// What is in the cache now.
struct Downloaded {
  std::string repo, revision, commit;
  std::string path;         ///< the snapshot
  std::size_t files = 0;    ///< that were asked for
  std::uint64_t bytes = 0;  ///< of them
};

/// Brings what is wanted of the newest commit of a revision into the cache; what is there already is not
/// fetched again. Weights come last, and the revision is known in the cache once all is there. Throws
/// mhub::Error.
Downloaded download(Hub& hub, const RepoId& id, const DownloadOptions& options = {});

/// The files that a model consists of: the small ones, and the weights that `index` (of weight_index) lists.
/// Throws InputError, with what there is instead, where a repository has no weights that mhub reads.
RepoFiles model_files(const RepoId& id, const RepoFiles& all, const std::string& index);

/// The files whose names match.
RepoFiles matching(const RepoFiles& all, const std::vector<std::string>& include,
                   const std::vector<std::string>& exclude);

}  // namespace mhub
