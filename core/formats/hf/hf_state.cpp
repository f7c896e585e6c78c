// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/hf/hf_state.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/formats/format.hpp"
#include "mhub/plugin/registry.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub {
namespace {

void require_shape(const StoredTensor& tensor, const Shape& expected, const Checkpoint& checkpoint) {
  if (tensor.shape == expected) return;
  throw InputError(tensor.file(checkpoint.directory) + ": tensor " + tensor.name + " has shape " +
                   to_string(tensor.shape) + ", expected " + to_string(expected) + " from config.json");
}

/// Of one of the checkpoint's tensors.
std::size_t number_of(const StoredTensor& tensor, const Checkpoint& checkpoint) {
  return static_cast<std::size_t>(&tensor - checkpoint.tensors.tensors().data());
}

void bind_ties(const Mapping& mapping, const Checkpoint& checkpoint, std::vector<bool>& used,
               CanonicalState& state) {
  for (const Mapping::Tied& tie : mapping.ties()) {
    const StoredTensor* repeat = find_spelled(checkpoint.tensors, mapping, tie.hf);
    const StoredTensor* original = find_spelled(checkpoint.tensors, mapping, tie.same_as);
    if (repeat == nullptr || original == nullptr) continue;
    require_shape(*repeat, original->shape, checkpoint);
    if (repeat->dtype != original->dtype) {
      throw InputError(repeat->file(checkpoint.directory) + ": tensor " + repeat->name + " is " +
                       std::string(torch_name(repeat->dtype)) + ", but it is tied to " + original->name +
                       ", which is " + std::string(torch_name(original->dtype)));
    }
    state.repeats.emplace_back(repeat, original);
    used[number_of(*repeat, checkpoint)] = true;
  }
}

/// A tensor without elements, as models have them whose config gives a part no width (n_shared_experts = 0).
bool holds_nothing(const StoredTensor& tensor) { return numel(tensor.shape) == 0; }

/// The second matrix of the experts of a layer, where they lie together; nullptr where they do not.
const StoredTensor* stacked_experts(const TensorSource& source) {
  const auto& tensors = source.tensors();
  const auto at = std::find_if(tensors.begin(), tensors.end(), [](const StoredTensor& tensor) {
    return tensor.name.ends_with(".experts.down_proj");
  });
  return at == tensors.end() ? nullptr : &*at;
}

/// The mapping for experts as the checkpoint stores them: together although they are declared as modules of
/// their own, as transformers 5 has them in memory, or the other way round than declared.
Mapping for_stored_experts(const Mapping& mapping, const StoredTensor& stored) {
  for (const Rule& rule : mapping.rules()) {
    const Operand& operand = rule.transform.operands.at(0);
    if (operand.stack_variable.empty() || !operand.name.ends_with(".experts.down_proj")) continue;
    const Shape& declared = operand.shape;
    const bool turned = declared.size() == 3 && declared[1] != declared[2] &&
                        stored.shape == Shape{declared[0], declared[2], declared[1]};
    return turned ? with_turned_experts(mapping) : mapping;
  }
  return with_stacked_experts(mapping);
}

/// A model's mapping as its class declares it, and what that is for this one.
struct DeclaredState {
  explicit DeclaredState(const Checkpoint& checkpoint)
      : mapping(declared_mapping(*checkpoint.model, *checkpoint.config)),
        expanded(expanded_mapping(mapping, *checkpoint.config)) {}

  Mapping mapping;
  ExpandedMapping expanded;
};

CanonicalState canonical_state(const Checkpoint& checkpoint, DeclaredState declared) {
  Mapping& mapping = declared.mapping;
  ExpandedMapping& expanded = declared.expanded;
  if (!mapping.rest().empty()) {
    mapping = with_rest(std::move(mapping), listed(checkpoint.tensors), checkpoint.directory);
    expanded = expanded_mapping(mapping, *checkpoint.config);
  }
  if (const StoredTensor* stored = stacked_experts(checkpoint.tensors)) {
    mapping = for_stored_experts(mapping, *stored);
    expanded.import = expand(mapping).import;
  }
  CanonicalState state{std::move(expanded.canonical), std::move(expanded.import), {}, {}};

  std::vector<bool> used(checkpoint.tensors.tensors().size());
  std::vector<const StateTensor*> missing;
  for (const StateTensor& wanted : state.to_canonical.source) {
    const StoredTensor* tensor = find_spelled(checkpoint.tensors, mapping, wanted.name);
    if (tensor == nullptr) {
      missing.push_back(&wanted);
      continue;
    }
    require_shape(*tensor, wanted.shape, checkpoint);
    used[number_of(*tensor, checkpoint)] = true;
    state.sources.push_back(tensor);
  }
  bind_ties(mapping, checkpoint, used, state);
  for (const StoredTensor& tensor : checkpoint.tensors.tensors()) {
    if (used[number_of(tensor, checkpoint)] || is_ignored(mapping, tensor.name) || holds_nothing(tensor))
      continue;
    throw InputError(tensor.file(checkpoint.directory) + ": tensor " + tensor.name + " " +
                     to_string(tensor.shape) + " is not part of a " + checkpoint.model->class_name +
                     " with this config.json; nothing would read it, so nothing is converted");
  }
  if (!missing.empty()) {
    const std::string more = missing.size() > 1 ? " and " + std::to_string(missing.size() - 1) + " more" : "";
    throw InputError(checkpoint.directory + ": tensor " + missing[0]->name + " " +
                     to_string(missing[0]->shape) + more + " missing; config.json asks for it");
  }
  return state;
}

/// A note about tensors that no rule reads because there is nothing in them.
void note_empty_tensors(Checkpoint& checkpoint) {
  const auto& tensors = checkpoint.tensors.tensors();
  const auto first = std::find_if(tensors.begin(), tensors.end(), holds_nothing);
  if (first == tensors.end()) return;
  const auto count = std::count_if(first, tensors.end(), holds_nothing);
  checkpoint.notes.push_back(first->file(checkpoint.directory) + ": tensor " + first->name + " " +
                             to_string(first->shape) +
                             (count > 1 ? " and " + std::to_string(count - 1) + " more have" : " has") +
                             " no elements, and the output is without");
}

/// What wrappers of the model (DDP, torch.compile, PEFT, actors of RL) have put in front of all names,
/// "module."; empty where the model's first tensor has its own name, or none that ends so.
std::string wrapper_of(const Checkpoint& checkpoint, const DeclaredState& declared) {
  const Mapping& mapping = declared.mapping;
  const std::vector<StateTensor>& wanted = declared.expanded.import.source;
  if (wanted.empty() || find_spelled(checkpoint.tensors, mapping, wanted.front().name) != nullptr) return {};
  const std::vector<StoredTensor>& stored = checkpoint.tensors.tensors();
  std::optional<std::string> wrapper;
  for (const std::string& spelled : mapping.names_of(wanted.front().name)) {
    for (const StoredTensor& tensor : stored) {
      if (!tensor.name.ends_with("." + spelled)) continue;
      std::string before = tensor.name.substr(0, tensor.name.size() - spelled.size());
      if (!wrapper || before.size() < wrapper->size()) wrapper = std::move(before);
    }
  }
  const bool all = wrapper && std::all_of(stored.begin(), stored.end(), [&](const StoredTensor& tensor) {
                     return tensor.name.starts_with(*wrapper);
                   });
  return all ? *wrapper : "";
}

/// The files and tensor names of the Hugging Face checkpoint that a source was made of, where the source
/// itself (or its reference) knows them: tensor -> file.
std::map<std::string, std::string> original_files(const Checkpoint& source) {
  const std::string key = "hf_files";
  nlohmann::json original = source.format->original(source);
  if (!original.contains(key) && source.reference)
    original = source.reference->format->original(*source.reference);
  std::map<std::string, std::string> files;
  if (!original.contains(key) || !original[key].is_object()) return files;
  for (const auto& entry : original[key].items()) {
    if (entry.value().is_string()) files[entry.key()] = entry.value().get<std::string>();
  }
  return files;
}

/// Names in the original's spelling, and repeated tied tensors as it had them.
void use_original_names(const Mapping& declared, HfLayout& hf) {
  std::map<std::string, std::string>& original = hf.original_files;
  if (original.empty()) return;
  auto original_name = [&](const std::string& name) -> std::optional<std::string> {
    for (std::string& one : declared.names_of(name)) {
      if (original.contains(one)) return std::move(one);
    }
    return std::nullopt;
  };
  StateMap& map = hf.layout.map;
  std::map<std::string, std::size_t> positions;
  std::vector<StateTensor> renamed = map.destination;
  for (std::size_t k = 0; k < renamed.size(); ++k) {
    positions[renamed[k].name] = k;
    const auto name = original_name(renamed[k].name);
    if (!name) {  // of another model or another class: no guide
      original.clear();
      return;
    }
    renamed[k].name = *name;
  }
  map.destination = std::move(renamed);
  for (const Mapping::Tied& tie : declared.ties()) {
    const auto repeat = original_name(tie.hf);
    const auto same = positions.find(tie.same_as);
    if (!repeat || same == positions.end()) continue;
    map.destination.push_back({*repeat, map.destination[same->second].shape});
    std::vector<Term>& terms = map.terms.emplace_back(map.terms[same->second]);
    for (Term& term : terms) term.kind = Term::Kind::copy;
  }
}

}  // namespace

void describe_hf(Checkpoint& checkpoint, std::shared_ptr<const FileSet> files) {
  checkpoint.directory = checkpoint.path;
  checkpoint.files = std::move(files);
  checkpoint.config = read_config_json(*checkpoint.files);
  checkpoint.model = &PluginRegistry::instance().find(*checkpoint.config);
}

void take_hf_tensors(Checkpoint& checkpoint, TensorSource tensors) {
  checkpoint.tensors = decoded_weights(std::move(tensors), *checkpoint.config);
  const ConfigReader said = *checkpoint.config;
  checkpoint.config = completed_config(*checkpoint.model, said, checkpoint.tensors);
  const nlohmann::json changes = nlohmann::json::diff(said.json(), checkpoint.config->json());
  for (const nlohmann::json& change : changes) {
    if (change["op"] != "replace") continue;
    const auto path = change["path"].get<std::string>();
    const nlohmann::json& before = said.json().at(nlohmann::json::json_pointer(path));
    checkpoint.notes.push_back(said.file() + ": " + path.substr(1) + " is " + json_text(before) +
                               ", and the files hold what " + json_text(change["value"]) + " stands for");
  }
}

void bind_hf_state(Checkpoint& checkpoint) {
  checkpoint.transformer = megatron_config(*checkpoint.model, *checkpoint.config);
  note_empty_tensors(checkpoint);
  DeclaredState declared(checkpoint);
  const std::string wrapper = wrapper_of(checkpoint, declared);
  if (wrapper.empty()) {
    checkpoint.state = canonical_state(checkpoint, std::move(declared));
    return;
  }
  std::vector<StoredTensor> tensors = checkpoint.tensors.tensors();
  for (StoredTensor& tensor : tensors) tensor.name.erase(0, wrapper.size());
  checkpoint.tensors = TensorSource(std::move(tensors));
  const std::string found = "all names begin with \"" + wrapper + "\"";
  try {
    checkpoint.state = canonical_state(checkpoint, std::move(declared));
  } catch (const InputError& error) {
    throw InputError(std::string(error.what()) + " (" + found + ", and this is without it)");
  }
  checkpoint.notes.push_back(checkpoint.directory + ": " + found + ", which is taken off");
}

HfLayout hf_layout(const Checkpoint& source) {
  HfLayout hf;
  const Mapping mapping = with_rest(declared_mapping(*source.model, *source.config),
                                    carried_tensors(source.state.tensors), source.path);
  hf.layout.map = inverted(expanded_mapping(mapping, *source.config).import);
  hf.original_files = original_files(source);
  use_original_names(mapping, hf);
  for (const StateTensor& tensor : hf.layout.map.destination) {
    hf.layout.tensors.push_back(SinkTensor::whole(tensor.name, DType::f32, tensor.shape));
  }
  return hf;
}

nlohmann::json hf_config(const Checkpoint& source, DType dtype) {
  nlohmann::json config = source.config->json();
  // transformers 4 reads torch_dtype, 5 reads dtype and still accepts the other.
  const bool named = config.contains("torch_dtype") || config.contains("dtype");
  for (const char* key : {"torch_dtype", "dtype"}) {
    if (config.contains(key)) config[key] = torch_name(dtype);
  }
  if (!named) config["torch_dtype"] = torch_name(dtype);
  return config;
}

}  // namespace mhub
