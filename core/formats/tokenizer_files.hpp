// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mhub/base/file_set.hpp"

namespace mhub {

/// The largest file that travels with a checkpoint.
inline constexpr std::uint64_t kLargestText = 1ULL << 30;

/// Files that belong to the tokenizer or the processor of images and travel with a conversion; existing names
/// only.
std::vector<std::string> tokenizer_files(const FileSet& files);

/// Copies them into `folder`, which is made when there are any.
void copy_tokenizer(const FileSet& files, const std::filesystem::path& folder);

}  // namespace mhub
