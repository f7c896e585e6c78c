// SPDX-License-Identifier: Apache-2.0
// Which Hugging Face model a Megatron checkpoint holds.
#include <filesystem>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/formats/hf/quantization.hpp"
#include "mhub/formats/megatron/megatron_checkpoint.hpp"
#include "mhub/megatron/hybrid.hpp"
#include "mhub/megatron/megatron_args.hpp"
#include "mhub/plugin/registry.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

constexpr std::uint64_t kConfigLimit = 16 << 20;

/// What the checkpoint itself says that its model is: args, else run_config.yaml; nothing without either.
/// Throws InputError where they cannot be understood.
std::optional<TransformerConfig> described_model(const MegatronFacts& facts, const std::string& directory) {
  constexpr std::uint64_t kLargest = 4 << 20;
  // Where both are there, args say more: Megatron-Bridge refuses fields that it does not know.
  if (!facts.args.empty()) return gpt_config(read_megatron_args(facts.args, directory + ": args"));
  if (!facts.run_config.empty())
    return gpt_config(read_run_config(read_file(facts.run_config, kLargest), facts.run_config));
  return std::nullopt;
}

void note_assumptions(Checkpoint& checkpoint, const MegatronFacts& facts, const TransformerConfig& described,
                      const std::vector<std::string>& alternatives) {
  if (!alternatives.empty()) {
    std::string names;
    for (const std::string& one : alternatives) names += (names.empty() ? "" : ", ") + one;
    checkpoint.notes.push_back("the checkpoint may as well be " + names + "; --hf-class chooses");
  }
  const bool recorded = !facts.run_config.empty() || facts.args.contains("hf_vocab_size");
  if (!recorded && !described.image) {
    checkpoint.notes.push_back(
        "the vocabulary is taken with its padding (" + std::to_string(described.vocab_size) +
        " rows): the checkpoint does not say how many are real; --hf-reference DIR would");
  }
}

}  // namespace

void take_config(Checkpoint& checkpoint, const ConfigReader& config) {
  checkpoint.model = &PluginRegistry::instance().find(config);
  checkpoint.config = without_quantization(config);
}

void identify_checkpoint(Checkpoint& checkpoint, const MegatronFacts& facts, const OpenOptions& options) {
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
    const auto described = described_model(facts, checkpoint.directory);
    if (!described) {
      checkpoint.unknown_model = checkpoint.path +
                                 ": says nothing of its model (no mhub manifest, run_config.yaml or args); "
                                 "--hf-reference DIR names a Hugging Face folder that has its config.json";
      return;
    }
    const auto wanted = options.hf_class.empty() ? std::nullopt : std::optional(options.hf_class);
    IdentifiedModel found = identify_model(*described, wanted, checkpoint.path);
    note_assumptions(checkpoint, facts, *described, found.alternatives);
    take_config(checkpoint, ConfigReader(std::move(found.config), checkpoint.path));
  } catch (const InputError& error) {
    checkpoint.unknown_model = error.what();
  }
}

}  // namespace mhub
