// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/checkpoint.hpp"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/formats/hf/quantization.hpp"
#include "mhub/plugin/identify.hpp"
#include "mhub/plugin/registry.hpp"
#include "mhub/store/hdf5/hdf5_source.hpp"

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

void take_config(Checkpoint& checkpoint, const ConfigReader& config) {
  checkpoint.model = &PluginRegistry::instance().find(config);
  checkpoint.config = without_quantization(config);
}

void note_assumptions(Checkpoint& checkpoint, const TransformerConfig& described,
                      const std::vector<std::string>& alternatives) {
  if (!alternatives.empty()) {
    std::string names;
    for (const std::string& one : alternatives) names += (names.empty() ? "" : ", ") + one;
    checkpoint.notes.push_back("the checkpoint may as well be " + names + "; --hf-class chooses");
  }
  const bool recorded =
      !checkpoint.megatron->run_config.empty() || checkpoint.megatron->args.contains("hf_vocab_size");
  if (!recorded && !described.image) {
    checkpoint.notes.push_back(
        "the vocabulary is taken with its padding (" + std::to_string(described.vocab_size) +
        " rows): the checkpoint does not say how many are real; --hf-reference DIR would");
  }
}

/// The model of a Megatron checkpoint; `unknown_model` says why where there is none.
void identify(Checkpoint& checkpoint, const OpenOptions& options) {
  const nlohmann::json& manifest = checkpoint.manifest;
  if (checkpoint.reference) {
    checkpoint.model = checkpoint.reference->model;
    checkpoint.config = checkpoint.reference->config;
    return;
  }
  if (!options.hf_reference.empty()) {
    const fs::path reference = options.hf_reference;
    const std::string file = (fs::is_directory(reference) ? reference / "config.json" : reference).string();
    return take_config(checkpoint, ConfigReader(parse_config(read_file(file, kConfigLimit), file), file));
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
    note_assumptions(checkpoint, *described, found.alternatives);
    take_config(checkpoint, ConfigReader(std::move(found.config), checkpoint.path));
  } catch (const InputError& error) {
    checkpoint.unknown_model = error.what();
  }
}

/// Carried tensors that a Megatron checkpoint has lost come from the reference.
CanonicalState megatron_state(const Checkpoint& checkpoint) {
  const MegatronCheckpoint& megatron = *checkpoint.megatron;
  const Mapping declared = declared_mapping(*checkpoint.model, *checkpoint.config);
  std::vector<StateTensor> carried = carried_tensors(megatron);
  CarriedElsewhere elsewhere;
  if (checkpoint.reference) {
    if (carried.empty()) carried = listed(checkpoint.reference->tensors);
    elsewhere = [&](const std::string& name) {
      return find_spelled(checkpoint.reference->tensors, declared, name);
    };
  }
  const Mapping mapping = with_rest(declared, carried, megatron.directory);
  return canonical_state(megatron, expanded_mapping(mapping, *checkpoint.config).canonical,
                         *checkpoint.transformer, elsewhere);
}

/// The canonical state, once the model is known.
void see_as_canonical(Checkpoint& checkpoint) {
  if (checkpoint.model == nullptr) return;
  checkpoint.transformer = megatron_config(*checkpoint.model, *checkpoint.config);
  checkpoint.state = checkpoint.hf ? canonical_state(*checkpoint.hf) : megatron_state(checkpoint);
}

void take_hf(Checkpoint& checkpoint, HfCheckpoint opened) {
  checkpoint.hf = std::make_unique<HfCheckpoint>(std::move(opened));
  checkpoint.model = checkpoint.hf->model;
  checkpoint.config = checkpoint.hf->config;
  checkpoint.files = checkpoint.hf->files;
}

/// An HDF5 archive says in its attribute "kind" whose state it holds.
void open_archive(Checkpoint& checkpoint) {
  Hdf5Archive archive = open_hdf5(checkpoint.path);
  checkpoint.archive = true;
  const auto files = archive_files(checkpoint.path, std::move(archive.files));
  const std::string kind = archive.attributes["kind"];
  if (files->has(kManifestName))
    checkpoint.manifest = parse_json(files->read(kManifestName, 1ULL << 30), files->place(kManifestName));
  if (kind == "hf")
    return take_hf(checkpoint, hf_checkpoint(checkpoint.path, files, std::move(archive.state)));
  if (kind != "megatron")
    throw InputError(checkpoint.path + ": attribute kind is \"" + kind + "\", expected hf or megatron");
  checkpoint.files = files;
  checkpoint.megatron = std::make_unique<MegatronCheckpoint>();
  checkpoint.megatron->directory = checkpoint.path;
  checkpoint.megatron->format = "hdf5";
  checkpoint.megatron->tensors = std::move(archive.state);
  const std::string config = "config.json";
  take_config(checkpoint, ConfigReader(parse_config(files->read(config, kConfigLimit), files->place(config)),
                                       files->place(config)));
}

void open_megatron(Checkpoint& checkpoint, const OpenOptions& options) {
  checkpoint.megatron = std::make_unique<MegatronCheckpoint>(open_megatron_checkpoint(checkpoint.path));
  const std::string& directory = checkpoint.megatron->directory;
  load_manifest(checkpoint, directory);
  if (fs::is_directory(options.hf_reference) && has_weights(options.hf_reference))
    checkpoint.reference = std::make_unique<HfCheckpoint>(open_hf_checkpoint(options.hf_reference));
  checkpoint.files = folder_files(directory + "/tokenizer");
  if (fs::is_directory(options.hf_reference) && !fs::is_directory(directory + "/tokenizer"))
    checkpoint.files = folder_files(options.hf_reference);
  identify(checkpoint, options);
}

}  // namespace

Checkpoint open_checkpoint(const std::string& path, const OpenOptions& options) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  if (!fs::exists(path)) throw IoError(path + ": no such file or folder");
  if (fs::is_regular_file(path) && is_hdf5(path)) {
    open_archive(checkpoint);
  } else if (is_hf_checkpoint(path)) {
    take_hf(checkpoint, open_hf_checkpoint(path));
    if (fs::is_regular_file(fs::path(path) / kManifestName)) load_manifest(checkpoint, path);
  } else if (is_megatron_checkpoint(path)) {
    open_megatron(checkpoint, options);
  } else {
    throw InputError(
        path +
        ": neither a Hugging Face folder (config.json) nor a Megatron checkpoint "
        "(latest_checkpointed_iteration.txt, .metadata or mp_rank_* folders) nor an HDF5 archive");
  }
  see_as_canonical(checkpoint);
  return checkpoint;
}

nlohmann::json generation_config(const Checkpoint& checkpoint) {
  if (checkpoint.manifest.is_object() && checkpoint.manifest.contains("generation_config"))
    return checkpoint.manifest["generation_config"];
  const std::string name = "generation_config.json";
  if (checkpoint.files == nullptr || !checkpoint.files->has(name)) return nullptr;
  return parse_config(checkpoint.files->read(name, kConfigLimit), checkpoint.files->place(name));
}

}  // namespace mhub
