// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/checkpoint.hpp"

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/formats/format.hpp"

namespace mhub {
namespace {

constexpr std::uint64_t kConfigLimit = 16 << 20;

}  // namespace

Checkpoint open_checkpoint(const std::string& path, const OpenOptions& options) {
  if (!fs::exists(path)) throw IoError(path + ": no such file or folder");
  Checkpoint checkpoint;
  checkpoint.path = path;
  checkpoint.format = find_format(path);
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
