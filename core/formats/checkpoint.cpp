// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/checkpoint.hpp"

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/formats/format.hpp"
#include "mhub/formats/megatron/megatron_format.hpp"

namespace mhub {
namespace {

constexpr std::uint64_t kConfigLimit = 16 << 20;

/// The snapshot of a folder of the Hub's cache (huggingface_hub's file_download.py); others are themselves.
std::string snapshot_of(const std::string& path) {
  const fs::path main = fs::path(path) / "refs" / "main", snapshots = fs::path(path) / "snapshots";
  if (!fs::is_directory(snapshots)) return path;
  if (!fs::is_regular_file(main))
    throw InputError(path + ": a folder of the Hub's cache without refs/main; give one of its snapshots/");
  std::string commit = read_file(main.string(), 256);
  while (!commit.empty() && commit.back() == '\n') commit.pop_back();
  if (commit.empty() || commit.find('/') != std::string::npos || !fs::is_directory(snapshots / commit))
    throw InputError(path + ": refs/main names the snapshot " + commit +
                     ", which is not there; give one of its " + "snapshots/, or download the model again");
  return (snapshots / commit).string();
}

/// The iteration that is asked for, in the place of the root that holds it.
std::string chosen_iteration(const std::string& path, const std::string& iteration) {
  if (iteration.empty()) return path;
  const fs::path folder = fs::path(path) / iteration;
  if (fs::is_directory(folder)) return folder.string();
  const std::string there = listed_iterations(path);
  throw UsageError(path + ": has no " + iteration +
                   (there.empty() ? "; it is no root of a Megatron checkpoint" : "; it has " + there));
}

}  // namespace

Checkpoint open_checkpoint(const std::string& path, const OpenOptions& options) {
  if (!fs::exists(path)) {
    throw IoError(
        path + ": no such file or folder" +
        (may_be_hub_id(path) ? "; hf download " + path + " --local-dir DIR brings a model of the Hub" : ""));
  }
  if (const std::string known = format_in_the_way(path); !known.empty()) throw InputError(known);
  Checkpoint checkpoint;
  checkpoint.path = chosen_iteration(snapshot_of(path), options.iteration);
  checkpoint.format = find_format(checkpoint.path);
  if (checkpoint.format == nullptr) {
    if (const std::string known = unsupported_format(path); !known.empty()) throw InputError(known);
    throw InputError(
        path +
        ": neither a Hugging Face folder (config.json) nor a Megatron checkpoint "
        "(latest_checkpointed_iteration.txt, .metadata or mp_rank_* folders) nor an HDF5 archive");
  }
  checkpoint.format->open(checkpoint, options);
  return checkpoint;
}

nlohmann::json generation_config(const Checkpoint& checkpoint) {
  if (checkpoint.manifest.is_object() && checkpoint.manifest.contains("generation_config"))
    return checkpoint.manifest["generation_config"];
  const std::string name = "generation_config.json";
  if (checkpoint.files == nullptr || !checkpoint.files->has(name)) return nullptr;
  return parse_config(checkpoint.files->read(name, kConfigLimit), checkpoint.files->place(name));
}

void load_manifest(Checkpoint& checkpoint, const std::string& folder) {
  const fs::path own = fs::absolute(folder).lexically_normal();
  for (const fs::path& place : {own, (own.has_filename() ? own : own.parent_path()).parent_path()}) {
    const fs::path file = place / kManifestName;
    if (!fs::is_regular_file(file)) continue;
    checkpoint.manifest = parse_json_file(file.string(), 1ULL << 30);
    checkpoint.manifest_folder = place.string();
    return;
  }
}

ConfigReader read_config_json(const FileSet& files) {
  const std::string name = "config.json";
  return {parse_config(files.read(name, kConfigLimit), files.place(name)), files.place(name)};
}

}  // namespace mhub
