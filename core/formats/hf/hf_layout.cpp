// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/hf/hf_layout.hpp"

#include "mhub/formats/format.hpp"
#include "mhub/formats/hf/hf_model.hpp"

namespace mhub {
namespace {

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
