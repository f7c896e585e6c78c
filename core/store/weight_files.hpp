// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>

#include "mhub/store/sharded_folder.hpp"

namespace mhub {

/// The weights of a Hugging Face folder that are read, in the order in which they are preferred.
const std::array<const ShardedFiles*, 2>& weight_files();

/// Whether a file, by its name, holds weights, or what training keeps of them, of whatever framework.
bool holds_weights(const std::filesystem::path& file);

}  // namespace mhub
