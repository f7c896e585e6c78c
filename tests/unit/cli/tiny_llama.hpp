// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/tensor/shape.hpp"

namespace mhub::tests {

/// A tiny Hugging Face Llama folder written by hand, every part of which a test can spoil before it is
/// written.
struct TinyLlama {
  nlohmann::json config{{"architectures", {"LlamaForCausalLM"}},
                        {"model_type", "llama"},
                        {"vocab_size", 13},
                        {"hidden_size", 8},
                        {"intermediate_size", 12},
                        {"num_hidden_layers", 2},
                        {"num_attention_heads", 4},
                        {"num_key_value_heads", 2},
                        {"tie_word_embeddings", false}};
  nlohmann::ordered_json header;
  std::string payload;

  TinyLlama() {
    add("model.embed_tokens.weight", {13, 8});
    for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
      add(layer + "input_layernorm.weight", {8});
      add(layer + "self_attn.q_proj.weight", {8, 8});
      add(layer + "self_attn.k_proj.weight", {4, 8});
      add(layer + "self_attn.v_proj.weight", {4, 8});
      add(layer + "self_attn.o_proj.weight", {8, 8});
      add(layer + "post_attention_layernorm.weight", {8});
      add(layer + "mlp.gate_proj.weight", {12, 8});
      add(layer + "mlp.up_proj.weight", {12, 8});
      add(layer + "mlp.down_proj.weight", {8, 12});
    }
    add("model.norm.weight", {8});
    add("lm_head.weight", {13, 8});
  }

  void add(const std::string& name, const Shape& shape) {
    std::size_t bytes = 4;
    for (const std::int64_t size : shape) bytes *= static_cast<std::size_t>(size);
    header[name] = {
        {"dtype", "F32"}, {"shape", shape}, {"data_offsets", {payload.size(), payload.size() + bytes}}};
    for (std::size_t k = 0; k < bytes; ++k) payload += static_cast<char>((payload.size() * 37 + k * 11) % 61);
  }

  static std::string with_length(const std::string& json, std::uint64_t length) {
    std::string file;
    for (int k = 0; k < 8; ++k) file += static_cast<char>(length >> (8 * k));
    return file + json;
  }
  std::string safetensors() const {
    std::string json = header.dump();
    json.append((8 - json.size() % 8) % 8, ' ');
    return with_length(json, json.size()) + payload;
  }

  void write(const std::filesystem::path& folder) const {
    std::filesystem::create_directories(folder);
    write_text(folder / "config.json", config.dump());
    write_text(folder / "model.safetensors", safetensors());
  }
  static void write_text(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }
  static std::string read_text(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

}  // namespace mhub::tests
