// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/base/progress.hpp"
#include "mhub/hub/hub.hpp"

namespace mhub {

struct UploadOptions {
  bool create = false;      ///< the repository and the branch, where there are none
  bool is_private = false;  ///< a repository that is created
  std::string message = "Upload folder using mhub";
  int connections = 8;
  Callbacks callbacks = {};
};

/// What the Hub has now.
struct Uploaded {
  std::string repo, revision, commit;
  std::size_t files = 0;                  ///< of the folder that are in the commit
  std::size_t changed = 0;                ///< of them, new or with other contents than before
  std::uint64_t uploaded_bytes = 0;       ///< of large files that the Hub did not have
  std::vector<std::string> ignored = {};  ///< by the folder's .gitignore
  std::vector<std::string> notes = {};
};

/// Makes one commit of a folder on a branch of a repository; files of the branch that the folder lacks stay.
/// What the Hub has is not sent, so that the same call goes on where a killed one stopped, and a folder that
/// is there already makes no commit. Throws mhub::Error.
Uploaded upload(Hub& hub, const std::string& folder, const RepoId& id, const UploadOptions& options = {});

}  // namespace mhub
