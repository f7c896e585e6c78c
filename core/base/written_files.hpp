// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace mhub {

/// The file that marks a folder as written by mhub, and lists what was written.
inline constexpr const char* kManifestName = "mhub_manifest.json";

/// The first thing in a folder that mhub did not write, the folder itself where it has no manifest; empty
/// when all is mhub's. Its own are plain files that the manifest lists, and the folders that these are in.
std::filesystem::path find_foreign(const std::filesystem::path& folder);

/// Removes what mhub wrote there, file by file, the manifest last, and then the folder: who is interrupted
/// leaves what another call removes. Throws UsageError, before anything is removed, for a folder with
/// something else in it, and IoError.
void remove_written(const std::filesystem::path& folder);

}  // namespace mhub
