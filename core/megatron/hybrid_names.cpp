// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/hybrid_names.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/mapping/parameter_name.hpp"

namespace mhub {
namespace {

/// Whether a layer's tensor belongs to its MLP, by the name behind the layer number.
bool of_mlp(const std::string& after) {
  return after.starts_with("mlp.") || after.starts_with("pre_mlp_layernorm.");
}

constexpr std::string_view kMixers = "*+G", kMlps = "-E";

}  // namespace

std::string hybrid_name(const std::string& gpt_name) {
  constexpr std::string_view kFinalNorm = "decoder.final_layernorm.";
  if (gpt_name.starts_with(kFinalNorm)) return "decoder.final_norm." + gpt_name.substr(kFinalNorm.size());
  const auto layer = decoder_layer(gpt_name);
  if (!layer) return gpt_name;
  return layer->before + std::to_string(2 * layer->layer + (of_mlp(layer->after) ? 1 : 0)) + "." +
         layer->after;
}

std::vector<CanonicalTensor> hybrid_tensors(std::vector<CanonicalTensor> canonical) {
  for (CanonicalTensor& tensor : canonical) {
    if (tensor.name.starts_with("mtp."))
      throw InputError("tensor " + tensor.name +
                       ": HybridModel nests multi-token-prediction blocks differently; use model type gpt");
    tensor.name = hybrid_name(tensor.name);
  }
  return canonical;
}

std::string hybrid_pattern(const std::vector<CanonicalTensor>& canonical) {
  std::string pattern;
  auto set = [&](std::int64_t layer, std::size_t half, char symbol) {
    const std::size_t at = 2 * static_cast<std::size_t>(layer) + half;
    if (pattern.size() <= at) pattern.resize(2 * static_cast<std::size_t>(layer) + 2, '?');
    pattern[at] = symbol;
  };
  for (const CanonicalTensor& tensor : canonical) {
    const auto layer = decoder_layer(tensor.name);
    if (!layer) continue;
    if (layer->after.starts_with("self_attention.linear_qkv.weight")) set(layer->layer, 0, '*');
    if (layer->after.starts_with("self_attention.linear_kv_down_proj.weight")) set(layer->layer, 0, '+');
    if (layer->after.starts_with("self_attention.in_proj.weight")) set(layer->layer, 0, 'G');
    if (layer->after.starts_with("mlp.linear_fc1.weight")) set(layer->layer, 1, '-');
    if (layer->after.starts_with("mlp.router.weight")) set(layer->layer, 1, 'E');
  }
  if (pattern.find('?') != std::string::npos)
    throw InputError("a layer of this model has no counterpart in HybridModel; use model type gpt");
  return pattern;
}

std::string with_stages(const std::string& pattern, const PipelineSplit& split) {
  std::string text;
  for (std::size_t k = 0; k < pattern.size(); ++k) {
    const auto layer = static_cast<std::int64_t>(k);
    const bool next = k > 0 && split.place_of_layer(layer).local == 0;
    if (next) text += '|';
    text += pattern[k];
  }
  return text;
}

bool is_gpt_pattern(const std::string& pattern) {
  std::string symbols = pattern;
  std::erase(symbols, '|');
  if (symbols.empty() || symbols.size() % 2 != 0) return false;
  for (std::size_t k = 0; k < symbols.size(); ++k) {
    const std::string_view allowed = k % 2 == 0 ? kMixers : kMlps;
    if (allowed.find(symbols[k]) == std::string_view::npos) return false;
  }
  return true;
}

}  // namespace mhub
