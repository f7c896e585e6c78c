// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/hf_layout.hpp"

#include <algorithm>
#include <filesystem>

namespace fs = std::filesystem;

namespace mhub {
namespace {

std::map<std::string, std::string> files_of(const TensorSource& tensors) {
  std::map<std::string, std::string> files;
  for (const StoredTensor& tensor : tensors.tensors())
    files[tensor.name] =
        tensor.chunks.empty() ? "" : fs::path(tensor.chunks[0].bytes->name()).filename().string();
  return files;
}

/// The files and tensor names of the Hugging Face checkpoint that a source was made of, where its manifest
/// (or the source itself) knows them: tensor -> file.
std::map<std::string, std::string> original_files(const Checkpoint& source) {
  std::map<std::string, std::string> files;
  if (source.hf && !source.archive) return files_of(source.hf->tensors);
  const nlohmann::json* recorded = nullptr;
  if (source.manifest.is_object()) {
    const auto found = source.manifest.find("hf_files");
    if (found != source.manifest.end() && found->is_object()) recorded = &*found;
  }
  if (recorded != nullptr) {
    for (const auto& entry : recorded->items()) {
      if (entry.value().is_string()) files[entry.key()] = entry.value().get<std::string>();
    }
  } else if (source.reference) {
    files = files_of(source.reference->tensors);
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

DType main_dtype(const std::vector<SinkTensor>& tensors) {
  std::map<DType, std::int64_t> elements{{DType::f32, 0}};
  for (const SinkTensor& tensor : tensors) elements[tensor.dtype] += numel(tensor.shape);
  return std::max_element(elements.begin(), elements.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

}  // namespace mhub
