// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/hybrid.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/config/fields.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub {
namespace {

/// Whether a layer's part belongs to its MLP.
bool of_mlp(const std::string& part) {
  return part.starts_with("mlp.") || part.starts_with("pre_mlp_layernorm.");
}

constexpr std::string_view kMixers = "*+DG", kMlps = "-E";

/// Whether a pattern (without or with `|`) is that of a GPTModel: mixers and MLPs take turns.
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

std::vector<std::int64_t> doubled(const std::vector<std::int64_t>& list) {
  std::vector<std::int64_t> out;
  for (const std::int64_t one : list) out.insert(out.end(), 2, one);
  return out;
}

/// Entries 0, 2, 4, ...
std::vector<std::int64_t> halved(const std::vector<std::int64_t>& list) {
  std::vector<std::int64_t> out;
  for (std::size_t k = 0; k < list.size(); k += 2) out.push_back(list[k]);
  return out;
}

/// Which of the symbols `first`, `first` + 2, ... are `symbol`.
std::vector<std::int64_t> marked(const std::string& pattern, std::size_t first, char symbol) {
  std::vector<std::int64_t> out;
  for (std::size_t k = first; k < pattern.size(); k += 2) out.push_back(pattern[k] == symbol ? 1 : 0);
  return out;
}

/// All lists with one entry a layer but those of parts, which say what the pattern says.
void change_layers(TransformerConfig& c,
                   std::vector<std::int64_t> (*change)(const std::vector<std::int64_t>&)) {
  for (const Field& field : fields()) {
    if (field.layers != nullptr && field.there == nullptr) field.layers(c) = change(field.layers(c));
  }
}

}  // namespace

std::vector<CanonicalTensor> hybrid_tensors(std::vector<CanonicalTensor> canonical) {
  constexpr std::string_view kFinalNorm = "final_layernorm.";
  for (CanonicalTensor& tensor : canonical) {
    TensorIdentity& one = tensor.identity;
    if (one.block == Block::mtp || one.block == Block::mtp_layer)
      throw InputError("tensor " + tensor.name +
                       ": HybridModel nests multi-token-prediction blocks differently; use model type gpt");
    if (one.block == Block::layer) one.layer = 2 * one.layer + (of_mlp(one.part) ? 1 : 0);
    if (one.block == Block::decoder && one.part.starts_with(kFinalNorm))
      one.part.replace(0, kFinalNorm.size(), "final_norm.");
  }
  return canonical;
}

std::string hybrid_pattern(const std::vector<CanonicalTensor>& canonical) {
  std::string pattern;
  Layers chooses;  // that have an indexer
  auto set = [&](std::int64_t layer, std::size_t half, char symbol) {
    const std::size_t at = 2 * static_cast<std::size_t>(layer) + half;
    if (pattern.size() <= at) pattern.resize(2 * static_cast<std::size_t>(layer) + 2, '?');
    pattern[at] = symbol;
  };
  for (const CanonicalTensor& tensor : canonical) {
    const TensorIdentity& one = tensor.identity;
    if (one.block != Block::layer) continue;
    if (one.part == "self_attention.linear_qkv.weight") set(one.layer, 0, '*');
    if (one.part == "self_attention.linear_kv_down_proj.weight") set(one.layer, 0, '+');
    if (one.part == std::string(kIndexer) + "linear_wk.weight") chooses.push_back(one.layer);
    if (one.part == "self_attention.in_proj.weight") set(one.layer, 0, 'G');
    if (one.part == "mlp.linear_fc1.weight") set(one.layer, 1, '-');
    if (one.part == "mlp.router.weight") set(one.layer, 1, 'E');
  }
  for (const std::int64_t layer : chooses) set(layer, 0, 'D');
  // HybridModel counts its layers otherwise, and so which of them choose (dsa.py).
  if (!chooses.empty() && pattern.find('+') != std::string::npos)
    throw InputError("layers that share an indexer have no counterpart in HybridModel; use model type gpt");
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

TransformerConfig hybrid_config(const TransformerConfig& gpt, const std::string& pattern) {
  TransformerConfig hybrid = gpt;
  hybrid.num_layers = 2 * gpt.num_layers;
  hybrid.hybrid_layer_pattern = pattern;
  change_layers(hybrid, doubled);
  if (hybrid.moe) hybrid.moe->layer_freq.clear();
  hybrid.bridge_provider = kHybridProvider;
  return hybrid;
}

TransformerConfig gpt_config(const TransformerConfig& hybrid) {
  if (!is_gpt_pattern(hybrid.hybrid_layer_pattern)) return hybrid;
  TransformerConfig gpt = hybrid;
  std::string pattern = hybrid.hybrid_layer_pattern;
  std::erase(pattern, '|');
  gpt.hybrid_layer_pattern.clear();
  gpt.num_layers = static_cast<std::int64_t>(pattern.size() / 2);
  change_layers(gpt, halved);
  if (gpt.moe && pattern.find('-') != std::string::npos) gpt.moe->layer_freq = marked(pattern, 1, 'E');
  if (gpt.linear_attention) gpt.linear_attention->layer_freq = marked(pattern, 0, 'G');
  return gpt;
}

}  // namespace mhub
