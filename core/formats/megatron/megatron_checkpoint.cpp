// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_set>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/formats/hf/hf_format.hpp"
#include "mhub/formats/hf/hf_state.hpp"
#include "mhub/formats/megatron/own_words.hpp"
#include "mhub/megatron/hybrid.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/megatron/megatron_args.hpp"
#include "mhub/megatron/whole_state.hpp"
#include "mhub/plugin/registry.hpp"

namespace mhub {
namespace {

/// HybridModel calls the last norm final_norm; that of a GPTModel has another name.
bool named_as_hybrid(const Checkpoint& checkpoint) {
  const auto& tensors = checkpoint.tensors.tensors();
  return std::any_of(tensors.begin(), tensors.end(), [](const StoredTensor& tensor) {
    return tensor.parameter().ends_with("decoder.final_norm.weight");
  });
}

Layout layout_of(const Checkpoint& checkpoint, const std::vector<CanonicalTensor>& canonical,
                 const StoredLayout& stored, const MegatronFacts& facts,
                 const std::optional<WholeModel>& whole) {
  const TransformerConfig& config = *checkpoint.transformer;
  if (whole) {
    const WholeState state = whole_state(*whole, canonical, checkpoint.directory);
    Layout layout = stored(state.tensors, config, facts);
    layout.map = compose(state.map, std::move(layout.map), checkpoint.directory);
    return layout;
  }
  if (!named_as_hybrid(checkpoint) || !config.hybrid_layer_pattern.empty())
    return stored(canonical, config, facts);
  return stored(hybrid_tensors(canonical), hybrid_config(config, hybrid_pattern(canonical)), facts);
}

/// The Hugging Face name of a carried tensor, be it stored or wanted; nothing for others.
template <typename Tensor>
std::optional<std::string> carried_name_of(const Tensor& tensor) {
  if (tensor.dict != nullptr && tensor.dict->carried()) return std::string(tensor.parameter());
  if (TensorIdentity identity = identity_of(tensor.name); identity.carried()) return std::move(identity.part);
  return std::nullopt;
}

/// The carried tensor of that stored name in another spelling, as it is there or in the reference; else
/// nullptr. `declared` is the model's mapping.
const StoredTensor* find_carried(const Checkpoint& checkpoint, const Mapping& declared,
                                 const std::string& name, const std::string& hf_name) {
  const std::string front = name.substr(0, name.size() - hf_name.size());
  for (const std::string& spelled : declared.names_of(hf_name)) {
    if (const StoredTensor* tensor = checkpoint.tensors.find(front + spelled)) return tensor;
  }
  const Checkpoint* reference = checkpoint.reference.get();
  return reference != nullptr ? find_spelled(reference->tensors, declared, hf_name) : nullptr;
}

const StoredTensor* bind(const Checkpoint& checkpoint, const Mapping& declared, const SinkTensor& wanted) {
  const StoredTensor* tensor = checkpoint.tensors.find(wanted.name);
  const auto carried = carried_name_of(wanted);
  if (tensor == nullptr && carried) tensor = find_carried(checkpoint, declared, wanted.name, *carried);
  if (tensor == nullptr) {
    throw InputError(
        checkpoint.directory + ": tensor " + wanted.name + " " + to_string(wanted.shape) + " is missing" +
        (carried ? "; Megatron's model has no place for it, so a checkpoint that it saved itself lost it: "
                   "--hf-reference DIR with the original's weights gives it back"
                 : ""));
  }
  if (tensor->shape != wanted.shape) {
    throw InputError(checkpoint.directory + ": tensor " + wanted.name + " has shape " +
                     to_string(tensor->shape) + ", expected " + to_string(wanted.shape));
  }
  return tensor;
}

/// A model that Megatron-Bridge has wrapped for LoRA (peft/adapter_wrapper.py) is not the model of its
/// config.
void refuse_adapters(const Checkpoint& checkpoint) {
  for (const StoredTensor& tensor : checkpoint.tensors.tensors()) {
    if (tensor.name.find(".adapter.") != std::string::npos)
      throw InputError(checkpoint.directory + ": tensor " + tensor.name +
                       " belongs to an adapter (LoRA), which is not the model alone; merge the two in " +
                       "Megatron-Bridge and save the result");
  }
}

/// Tensors that Megatron's model has no place for and that travel in the checkpoint (kCarriedPrefix).
std::vector<StateTensor> carried_tensors(const Checkpoint& checkpoint) {
  std::vector<StateTensor> carried;
  for (const StoredTensor& tensor : checkpoint.tensors.tensors()) {
    if (auto name = carried_name_of(tensor)) carried.push_back({std::move(*name), tensor.shape});
  }
  return carried;
}

/// What is stored of Megatron's model.
std::vector<StateTensor> parameters_of(const Checkpoint& checkpoint) {
  std::vector<StateTensor> parameters;
  for (const StoredTensor& tensor : checkpoint.tensors.tensors()) {
    if (!carried_name_of(tensor)) parameters.push_back({std::string(tensor.parameter()), tensor.shape});
  }
  return parameters;
}

void append(std::vector<StateTensor>& list, const std::vector<StateTensor>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

/// The checkpoint seen as the given canonical state.
CanonicalState canonical_state(const Checkpoint& checkpoint, std::vector<CanonicalTensor> canonical,
                               const Layout& layout, const Mapping& declared) {
  CanonicalState state{std::move(canonical), inverted(layout.map), {}, {}};
  std::unordered_set<const StoredTensor*> used;
  for (const SinkTensor& wanted : layout.tensors) {
    state.sources.push_back(bind(checkpoint, declared, wanted));
    used.insert(state.sources.back());
  }
  for (const StoredTensor& tensor : checkpoint.tensors.tensors()) {
    if (!used.contains(&tensor)) {
      throw InputError(checkpoint.directory + ": tensor " + tensor.name + " " + to_string(tensor.shape) +
                       " is not part of this model" +
                       (carried_name_of(tensor)
                            ? "; --hf-reference DIR names the Hugging Face model that it came with"
                            : ""));
    }
  }
  return state;
}

constexpr std::uint64_t kConfigLimit = 16 << 20;
constexpr const char* kGenerationConfig = "generation_config.json";

/// Whether there is what generation_config() reads. It is not read here: a fault in it is for whoever wants
/// it.
bool has_generation_config(const Checkpoint& checkpoint) {
  return (checkpoint.manifest.is_object() && checkpoint.manifest.contains("generation_config")) ||
         (checkpoint.files != nullptr && checkpoint.files->has(kGenerationConfig));
}

void note_assumptions(Checkpoint& checkpoint, const MegatronFacts& facts, const TransformerConfig& described,
                      const std::vector<std::string>& alternatives) {
  if (!alternatives.empty()) {
    std::string names;
    for (const std::string& one : alternatives) names += (names.empty() ? "" : ", ") + one;
    checkpoint.notes.push_back("the checkpoint may as well be " + names + "; convert --hf-class chooses");
  }
  for (std::string& one : export_notes(described)) checkpoint.notes.push_back(std::move(one));
  const bool recorded = !facts.run_config.empty() || facts.args.contains("hf_vocab_size");
  if (!recorded && !described.image) {
    checkpoint.notes.push_back(
        "the vocabulary is taken with its padding (" + std::to_string(described.vocab_size) +
        " rows): the checkpoint does not say how many are real; --hf-reference DIR would");
  }
  if (!described.image && !has_generation_config(checkpoint)) {
    checkpoint.notes.push_back(
        "no file says which tokens begin and end a text: generation does not stop there, and an export does "
        "not say them; --hf-reference DIR would");
  }
}

/// Takes model and config from what lies beside the checkpoint, or was named for it; returns where that is,
/// nothing where there is none.
std::string take_neighbour(Checkpoint& checkpoint, const OpenOptions& options) {
  const nlohmann::json& manifest = checkpoint.manifest;
  const Checkpoint* known = options.like;
  if (checkpoint.reference) {
    known = checkpoint.reference.get();
  } else if (!options.hf_reference.empty()) {
    const fs::path reference = options.hf_reference;
    const std::string file = (fs::is_directory(reference) ? reference / "config.json" : reference).string();
    take_config(checkpoint, ConfigReader(parse_config(read_file(file, kConfigLimit), file), file));
    return file;
  } else if (manifest.is_object() && manifest.contains("config")) {
    const std::string file = (fs::path(checkpoint.manifest_folder) / kManifestName).string();
    take_config(checkpoint, ConfigReader(manifest["config"], file + ": config"));
    return file;
  }
  if (known == nullptr || known->model == nullptr) return "";
  checkpoint.model = known->model;
  checkpoint.config = known->config;
  return known->path;
}

/// What a checkpoint says twice should be the same.
void compare_words(Checkpoint& checkpoint, const MegatronFacts& facts) {
  if (facts.args.empty() || facts.run_config.empty()) return;
  try {
    const auto args = OwnWords::of(facts, checkpoint.directory), other = OwnWords::of_run_config(facts);
    for (std::string& one : args->contradictions(*other)) checkpoint.notes.push_back(std::move(one));
  } catch (const InputError& error) {
    checkpoint.notes.push_back(std::string(error.what()) + "; " + checkpoint.directory + ": args count");
  }
}

/// Finds out which Hugging Face model a checkpoint holds; `unknown_model` says why where nothing does.
void identify_checkpoint(Checkpoint& checkpoint, MegatronFacts& facts, const OpenOptions& options) {
  compare_words(checkpoint, facts);
  const std::string neighbour = take_neighbour(checkpoint, options);
  if (!neighbour.empty()) {
    if (!options.hf_class.empty() && options.hf_class != checkpoint.model->class_name)
      throw UsageError("--hf-class " + options.hf_class + ": " + neighbour + " says that the model is a " +
                       checkpoint.model->class_name);
    if (const auto words = OwnWords::of(facts, checkpoint.directory)) {
      facts.vocabulary_rows = words->rows();
      words->correct(checkpoint, neighbour);
    }
    return;
  }
  try {
    const auto words = OwnWords::of(facts, checkpoint.directory);
    if (!words) {
      checkpoint.unknown_model = checkpoint.path +
                                 ": says nothing of its model (no mhub manifest, run_config.yaml or args); "
                                 "--hf-reference DIR names a Hugging Face folder that has its config.json";
      return;
    }
    const auto wanted = options.hf_class.empty() ? std::nullopt : std::optional(options.hf_class);
    const TransformerConfig described = words->model();
    facts.vocabulary_rows = words->rows();
    if (auto whole = words->whole()) {
      if (wanted && *wanted != whole->model->class_name)
        throw InputError(checkpoint.path + ": says that it is a " + whole->model->class_name +
                         ", so --hf-class " + *wanted + " does not apply");
      note_assumptions(checkpoint, facts, described, {});
      take_config(checkpoint, ConfigReader(whole->model->whole_config(std::move(whole->outer), described),
                                           checkpoint.path));
      return;
    }
    IdentifiedModel found = identify_model(described, wanted, checkpoint.path);
    note_assumptions(checkpoint, facts, described, found.alternatives);
    take_config(checkpoint, ConfigReader(std::move(found.config), checkpoint.path));
  } catch (const InputError& error) {
    checkpoint.unknown_model = error.what();
  }
}

/// Takes the names of wrapper modules off all parameters.
void strip_wrappers(TensorSource& source) {
  std::vector<std::string> names;
  for (const StoredTensor& tensor : source.tensors()) names.emplace_back(tensor.parameter());
  const std::string prefix = wrapper_prefix(names);
  if (prefix.empty()) return;
  std::vector<StoredTensor> tensors = source.tensors();
  for (StoredTensor& tensor : tensors)
    tensor.name.erase(tensor.name.size() - tensor.parameter().size(), prefix.size());
  source = TensorSource(std::move(tensors));
}

}  // namespace

void take_config(Checkpoint& checkpoint, const ConfigReader& config) {
  checkpoint.model = &PluginRegistry::instance().find(config);
  checkpoint.config = without_quantization(config);
}

void bind_megatron_state(Checkpoint& checkpoint, const StoredLayout& layout, const MegatronFacts& facts) {
  checkpoint.transformer = megatron_config(*checkpoint.model, *checkpoint.config);
  const Mapping declared = declared_mapping(*checkpoint.model, *checkpoint.config);
  std::vector<StateTensor> carried = carried_tensors(checkpoint);
  std::optional<WholeModel> whole;
  if (const auto parameters = parameters_of(checkpoint);
      checkpoint.model->whole && named_as_whole(parameters)) {
    whole = whole_model(*checkpoint.model, *checkpoint.config);
    append(carried, tensors_of_parts(*whole, parameters, checkpoint.directory));
  }
  if (checkpoint.reference && (carried.empty() || whole))
    append(carried, listed(checkpoint.reference->tensors));
  const Mapping mapping = with_rest(declared, carried, checkpoint.directory);
  std::vector<CanonicalTensor> canonical = expanded_mapping(mapping, *checkpoint.config).canonical;
  const Layout stored = layout_of(checkpoint, canonical, layout, facts, whole);
  checkpoint.state = canonical_state(checkpoint, std::move(canonical), stored, declared);
}

/// Where mhub wrote the source's files beside the tensors, as the manifest lists them; empty where nowhere.
std::string recorded_tokenizer(const Checkpoint& checkpoint) {
  if (!checkpoint.manifest.is_object() || !checkpoint.manifest.contains("files")) return {};
  const std::string inside = "/tokenizer/";
  for (const auto& [name, entry] : checkpoint.manifest["files"].items()) {
    if (const std::size_t at = name.find(inside); at != std::string::npos)
      return (fs::path(checkpoint.manifest_folder) / name.substr(0, at + inside.size() - 1)).string();
  }
  return {};
}

/// The files that travel: those beside the tensors; else the reference's; else, of a checkpoint that was
/// trained from one that mhub wrote, those beside that one's. Never of two places: a tokenizer is one thing.
void take_files(Checkpoint& checkpoint, const fs::path& reference) {
  const std::string own = (fs::path(checkpoint.directory) / "tokenizer").string();
  const std::string recorded = recorded_tokenizer(checkpoint);
  if (fs::is_directory(own)) {
    checkpoint.files = folder_files(own);
  } else if (fs::is_directory(reference)) {
    checkpoint.files = folder_files(reference.string());
  } else {
    checkpoint.files = folder_files(fs::is_directory(recorded) ? recorded : own);
  }
  if (!fs::is_directory(own) || !fs::is_directory(reference)) return;
  const std::shared_ptr<const FileSet> beside = folder_files(reference.string());
  std::vector<std::string> names = companions(*beside);
  if (beside->has(kGenerationConfig) && !has_generation_config(checkpoint))
    names.push_back(kGenerationConfig);
  std::string others;
  for (const std::string& name : names) {
    if (!checkpoint.files->has(name)) others += (others.empty() ? "" : ", ") + name;
  }
  if (!others.empty())
    checkpoint.notes.push_back(own + " has the checkpoint's files; of " + reference.string() +
                               " stay behind: " + others);
}

void take_megatron_state(Checkpoint& checkpoint, const PickleNode* common, const OpenOptions& options,
                         const StoredLayout& layout) {
  checkpoint.names = StateNames::megatron;
  strip_wrappers(checkpoint.tensors);
  refuse_adapters(checkpoint);
  const fs::path folder = checkpoint.directory, reference = options.hf_reference;
  MegatronFacts facts;
  if (const PickleNode* args = common != nullptr ? common->find("args") : nullptr)
    facts.args = plain_json(*args);
  if (const fs::path file = folder / "run_config.yaml"; fs::is_regular_file(file))
    facts.run_config = file.string();
  load_manifest(checkpoint, checkpoint.directory);
  if (fs::is_directory(reference) && has_weights(options.hf_reference))
    checkpoint.reference = open_reference(options.hf_reference);
  take_files(checkpoint, reference);
  take_origin(checkpoint, facts);
  identify_checkpoint(checkpoint, facts, options);
  if (checkpoint.model != nullptr) bind_megatron_state(checkpoint, layout, facts);
}

}  // namespace mhub
