#include "mhub/model/checkpoint.hpp"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/model/registry.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

/// The model that a converted checkpoint's manifest names.
void identify(Checkpoint& checkpoint, const Checkpoint* like) {
  const nlohmann::json& manifest = checkpoint.megatron->manifest;
  if (manifest.is_object() && manifest.contains("config")) {
    checkpoint.config = ConfigReader(manifest["config"], checkpoint.path + "/" + kManifestName + ": config");
    checkpoint.model = &PluginRegistry::instance().find(*checkpoint.config);
  } else if (like != nullptr && like->model != nullptr) {
    checkpoint.config = like->config;
    checkpoint.model = like->model;
  }
}

}  // namespace

Checkpoint open_checkpoint(const std::string& path, const Checkpoint* like) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  if (!fs::exists(path)) throw IoError(path + ": no such file or folder");
  if (is_hf_checkpoint(path)) {
    checkpoint.hf = std::make_unique<HfCheckpoint>(open_hf_checkpoint(path));
    checkpoint.model = checkpoint.hf->model;
    checkpoint.config = checkpoint.hf->config;
    checkpoint.transformer = megatron_config(*checkpoint.model, *checkpoint.config);
    checkpoint.state = canonical_state(*checkpoint.hf);
    return checkpoint;
  }
  if (!is_megatron_checkpoint(path)) {
    throw InputError(path +
                     ": neither a Hugging Face folder (config.json) nor a Megatron checkpoint "
                     "(latest_checkpointed_iteration.txt, .metadata or mp_rank_* folders)");
  }
  checkpoint.megatron = std::make_unique<MegatronCheckpoint>(open_megatron_checkpoint(path));
  identify(checkpoint, like);
  if (checkpoint.model != nullptr) {
    checkpoint.transformer = megatron_config(*checkpoint.model, *checkpoint.config);
    const ExpandedMapping mapping = expanded_mapping(*checkpoint.model, *checkpoint.config);
    checkpoint.state = canonical_state(*checkpoint.megatron, mapping.canonical, *checkpoint.transformer);
  }
  return checkpoint;
}

}  // namespace mhub
