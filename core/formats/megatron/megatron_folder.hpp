// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace mhub {

/// The file in a root that says which iteration is the newest.
inline constexpr const char* kTracker = "latest_checkpointed_iteration.txt";

/// The folder of an iteration in a root: "iter_0000100", or "release" without a number.
std::string iteration_folder(const std::optional<std::int64_t>& iteration);

/// The iteration folder that a path means: itself where tensors lie in it, else the one that its tracker file
/// names, else itself again; empty for what is no folder, and for a Hugging Face folder, which is one
/// whatever else lies in it. Throws InputError for a tracker file that cannot be read as such.
std::filesystem::path megatron_folder(const std::string& path);

}  // namespace mhub
