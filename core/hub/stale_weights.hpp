// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/hub/local_files.hpp"
#include "mhub/hub/repo_file.hpp"

namespace mhub {

/// The files of a branch that a folder lacks, and that a reader of the folder's weights would take instead of
/// them or beside them: model.safetensors goes before the index of new shards.
std::vector<std::string> stale_weights(const RepoFiles& there, const LocalFiles& folder);

}  // namespace mhub
