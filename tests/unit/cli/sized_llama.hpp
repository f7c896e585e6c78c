// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

#include "cli/tiny_llama.hpp"

namespace mhub::tests {

/// A Llama folder large enough that its conversion takes a while: `layers` layers of about 1.6 MB.
inline void write_sized_llama(const std::filesystem::path& folder, int layers) {
  TinyLlama model;
  const std::int64_t h = 256, f = 512, v = 300;
  model.config["vocab_size"] = v;
  model.config["hidden_size"] = h;
  model.config["intermediate_size"] = f;
  model.config["num_hidden_layers"] = layers;
  model.header = nlohmann::ordered_json::object();
  model.payload.clear();
  std::uint32_t noise = 1;
  std::size_t begin = 0;
  auto add = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    std::size_t bytes = 4;
    for (const std::int64_t size : shape) bytes *= static_cast<std::size_t>(size);
    model.header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, begin + bytes}}};
    begin += bytes;
    for (std::size_t k = 0; k < bytes; k += 4) {
      noise = noise * 1664525 + 1013904223;
      const std::uint32_t word = (noise >> 9) | 0x3f000000;  // 0.5 .. 2
      model.payload.append(reinterpret_cast<const char*>(&word), 4);
    }
  };
  add("model.embed_tokens.weight", {v, h});
  for (int i = 0; i < layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    add(layer + "input_layernorm.weight", {h});
    add(layer + "self_attn.q_proj.weight", {h, h});
    add(layer + "self_attn.k_proj.weight", {h / 2, h});
    add(layer + "self_attn.v_proj.weight", {h / 2, h});
    add(layer + "self_attn.o_proj.weight", {h, h});
    add(layer + "post_attention_layernorm.weight", {h});
    add(layer + "mlp.gate_proj.weight", {f, h});
    add(layer + "mlp.up_proj.weight", {f, h});
    add(layer + "mlp.down_proj.weight", {h, f});
  }
  add("model.norm.weight", {h});
  add("lm_head.weight", {v, h});
  model.write(folder);
}

}  // namespace mhub::tests
