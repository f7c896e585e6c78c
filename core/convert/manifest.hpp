// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "mhub/base/progress.hpp"
#include "mhub/formats/checkpoint.hpp"
#include "mhub/mapping/plan.hpp"

namespace mhub {

/// The record of where every byte came from: the source (folder name, revision where it is known, its files),
/// config, the tool and its mapping, for every chunk of every stored tensor its type, place, XXH3-128 and
/// source tensors, and for every file the XXH3-128 of what lies around the tensors. Deterministic: the same
/// conversion gives the same text. `target` is the output format's own description.
nlohmann::json make_manifest(const Checkpoint& source, const CopyPlan& plan, const nlohmann::json& target,
                             const std::vector<std::string>& checksums);

/// The files of an output folder and what they hold beside the tensors' own bytes, by path relative to
/// `root`:
/// {"size", "frame"}, the latter an XXH3-128. The manifest itself is left out. Every tensor of `tensors` must
/// be stored in files below `root`.
nlohmann::json describe_files(const std::filesystem::path& root, const TensorSource& tensors);

/// The manifest as a file's text, with a checksum of itself.
std::string manifest_text(nlohmann::json manifest);

/// A disagreement between a folder and its manifest.
struct ManifestProblem {
  std::string file, tensor;  ///< tensor is empty where the bytes belong to none
  std::string what;
};
struct ManifestReport {
  std::size_t tensors = 0, files = 0;
  std::uint64_t bytes = 0;
  std::vector<ManifestProblem> problems;
};
/// Checks a folder that mhub wrote against its manifest: every chunk, every file, and the manifest itself.
/// Throws InputError where there is no manifest, or the folder cannot be opened at all.
ManifestReport check_manifest(const Checkpoint& checkpoint, int jobs = 0, const Callbacks& callbacks = {});

}  // namespace mhub
