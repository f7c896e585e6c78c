// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>

#include <nlohmann/json.hpp>

#include "cli/tiny_llama.hpp"
#include "mhub/formats/hf/hf_state.hpp"
#include "mhub/plugin/registry.hpp"

namespace mhub::tests {

/// A small config of every family.
inline nlohmann::ordered_json families() {
  std::ifstream in(std::filesystem::path(MHUB_REPOSITORY) / "tests/unit/pretrained/families.json");
  return nlohmann::ordered_json::parse(in);
}

/// The tensors that a Hugging Face folder of this config has.
inline std::vector<StateTensor> tensors_of(const nlohmann::json& family) {
  const ConfigReader config(family["config"], "families.json");
  std::vector<StateTensor> carried;
  const nlohmann::json stored = family.value("carried", nlohmann::json::object());
  for (const auto& [name, shape] : stored.items()) carried.push_back({name, shape.get<Shape>()});
  const Mapping mapping = declared_mapping(PluginRegistry::instance().find(config), config);
  return expand(with_rest(mapping, carried, "families.json")).import.source;
}

/// `left_out` is the name of a tensor that the folder lacks.
inline void write_model(const nlohmann::json& family, const std::filesystem::path& folder,
                        const std::string& left_out = {}) {
  nlohmann::ordered_json header;
  std::uint64_t at = 0;
  for (const StateTensor& tensor : tensors_of(family)) {
    if (tensor.name == left_out) continue;
    const std::uint64_t bytes = static_cast<std::uint64_t>(numel(tensor.shape)) * sizeof(float);
    header[tensor.name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {at, at + bytes}}};
    at += bytes;
  }
  std::vector<float> values(at / sizeof(float));
  std::iota(values.begin(), values.end(), 1.0F);
  std::string payload(at, '\0');
  std::memcpy(payload.data(), values.data(), at);
  std::filesystem::create_directories(folder);
  const std::string json = header.dump();
  TinyLlama::write_text(folder / "model.safetensors", TinyLlama::with_length(json, json.size()) + payload);
  TinyLlama::write_text(folder / "config.json", family["config"].dump());
}

}  // namespace mhub::tests
