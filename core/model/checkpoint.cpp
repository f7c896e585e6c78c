#include "mhub/model/checkpoint.hpp"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/model/identify.hpp"
#include "mhub/model/registry.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

constexpr std::uint64_t kConfigLimit = 16 << 20;

/// Loads the manifest of a folder that mhub wrote; it lies in the root, which is the folder itself or, for a
/// Megatron checkpoint's iteration folder, the one above.
void load_manifest(Checkpoint& checkpoint, const fs::path& folder) {
  const fs::path own = fs::absolute(folder).lexically_normal();
  for (const fs::path& place : {own, (own.has_filename() ? own : own.parent_path()).parent_path()}) {
    const fs::path file = place / kManifestName;
    if (!fs::is_regular_file(file)) continue;
    checkpoint.manifest = parse_json_file(file.string(), 1ULL << 30);
    checkpoint.manifest_folder = place.string();
    return;
  }
}

void take_config(Checkpoint& checkpoint, ConfigReader config) {
  checkpoint.model = &PluginRegistry::instance().find(config);
  checkpoint.config = std::move(config);
}

/// The model of a Megatron checkpoint; `unknown_model` says why where there is none.
void identify(Checkpoint& checkpoint, const OpenOptions& options) {
  const nlohmann::json& manifest = checkpoint.manifest;
  if (!options.hf_reference.empty()) {
    const fs::path reference = options.hf_reference;
    const std::string file = (fs::is_directory(reference) ? reference / "config.json" : reference).string();
    return take_config(checkpoint, ConfigReader(parse_json_file(file, kConfigLimit), file));
  }
  if (manifest.is_object() && manifest.contains("config"))
    return take_config(checkpoint,
                       ConfigReader(manifest["config"], checkpoint.path + "/" + kManifestName + ": config"));
  if (options.like != nullptr && options.like->model != nullptr) {
    checkpoint.config = options.like->config;
    checkpoint.model = options.like->model;
    return;
  }
  try {
    const auto described = described_model(*checkpoint.megatron);
    if (!described) {
      checkpoint.unknown_model = checkpoint.path +
                                 ": says nothing of its model (no mhub manifest, run_config.yaml or args); "
                                 "--hf-reference DIR names a Hugging Face folder that has its config.json";
      return;
    }
    const auto wanted = options.hf_class.empty() ? std::nullopt : std::optional(options.hf_class);
    IdentifiedModel found = identify_model(*described, wanted, checkpoint.path);
    checkpoint.alternatives = std::move(found.alternatives);
    take_config(checkpoint, ConfigReader(std::move(found.config), checkpoint.path));
  } catch (const InputError& error) {
    checkpoint.unknown_model = error.what();
  }
}

}  // namespace

Checkpoint open_checkpoint(const std::string& path, const OpenOptions& options) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  checkpoint.hf_reference = options.hf_reference;
  if (!fs::exists(path)) throw IoError(path + ": no such file or folder");
  if (is_hf_checkpoint(path)) {
    checkpoint.hf = std::make_unique<HfCheckpoint>(open_hf_checkpoint(path));
    checkpoint.model = checkpoint.hf->model;
    checkpoint.config = checkpoint.hf->config;
    checkpoint.transformer = megatron_config(*checkpoint.model, *checkpoint.config);
    checkpoint.state = canonical_state(*checkpoint.hf);
    if (fs::is_regular_file(fs::path(path) / kManifestName)) load_manifest(checkpoint, path);
    return checkpoint;
  }
  if (!is_megatron_checkpoint(path)) {
    throw InputError(path +
                     ": neither a Hugging Face folder (config.json) nor a Megatron checkpoint "
                     "(latest_checkpointed_iteration.txt, .metadata or mp_rank_* folders)");
  }
  checkpoint.megatron = std::make_unique<MegatronCheckpoint>(open_megatron_checkpoint(path));
  load_manifest(checkpoint, checkpoint.megatron->directory);
  identify(checkpoint, options);
  if (checkpoint.model != nullptr) {
    checkpoint.transformer = megatron_config(*checkpoint.model, *checkpoint.config);
    const ExpandedMapping mapping = expanded_mapping(*checkpoint.model, *checkpoint.config);
    checkpoint.state = canonical_state(*checkpoint.megatron, mapping.canonical, *checkpoint.transformer);
  }
  return checkpoint;
}

}  // namespace mhub
