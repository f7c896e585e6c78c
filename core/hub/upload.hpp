// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>

#include "mhub/base/progress.hpp"
#include "mhub/hub/hub.hpp"

namespace mhub {

struct UploadOptions {
  bool create = false;      ///< the repository and the branch, where there are none
  bool is_private = false;  ///< a repository that is created
  std::string message = "Upload folder using mhub";
  int connections = 8;
  /// Where it is given: weights on the branch that the folder lacks and readers would take beside its own are
  /// not left there. Those of these names go with the same commit; for others the upload is refused.
  std::optional<std::set<std::string>> own = {};
  Callbacks callbacks = {};
};

/// What the Hub has now.
struct Uploaded {
  std::string repo, revision, commit;
  std::size_t files = 0;                  ///< of the folder that are in the commit
  std::size_t changed = 0;                ///< of them, new or with other contents than before
  std::uint64_t uploaded_bytes = 0;       ///< of large files that the Hub did not have
  std::vector<std::string> ignored = {};  ///< by the folder's .gitignore
  std::vector<std::string> deleted = {};  ///< weights of an earlier upload (UploadOptions::own)
  std::vector<std::string> notes = {};
};

/// Makes one commit of a folder on a branch of a repository; files of the branch that the folder lacks stay,
/// but for what UploadOptions::own says.
/// What the Hub has is not sent, so that the same call goes on where a killed one stopped, and a folder that
/// is there already makes no commit. Throws mhub::Error.
Uploaded upload(Hub& hub, const std::string& folder, const RepoId& id, const UploadOptions& options = {});

}  // namespace mhub
