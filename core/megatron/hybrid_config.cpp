// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/hybrid_config.hpp"

#include <algorithm>

#include "mhub/config/fields.hpp"
#include "mhub/megatron/hybrid_names.hpp"

namespace mhub {
namespace {

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

/// All lists with one entry a layer but those of parts, which say what the pattern says.
void change_layers(TransformerConfig& c,
                   std::vector<std::int64_t> (*change)(const std::vector<std::int64_t>&)) {
  for (const Field& field : fields()) {
    const auto* list = std::get_if<Access<std::vector<std::int64_t>>>(&field.value.access);
    if (list != nullptr && field.value.there == nullptr) list->of(c) = change(list->in(c));
  }
}

}  // namespace

TransformerConfig hybrid_config(const TransformerConfig& gpt, const std::string& pattern) {
  TransformerConfig hybrid = gpt;
  hybrid.num_layers = 2 * gpt.num_layers;
  hybrid.hybrid_layer_pattern = pattern;
  change_layers(hybrid, doubled);
  if (hybrid.moe) hybrid.moe->layer_freq.clear();
  hybrid.bridge_provider = "megatron.bridge.models.hybrid.hybrid_provider.HybridModelProvider";
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
  if (gpt.moe && pattern.find('-') != std::string::npos) {
    gpt.moe->layer_freq.clear();
    for (std::size_t k = 1; k < pattern.size(); k += 2)
      gpt.moe->layer_freq.push_back(pattern[k] == 'E' ? 1 : 0);
  }
  if (gpt.linear_attention) {
    gpt.linear_attention->layer_freq.clear();
    for (std::size_t k = 0; k < pattern.size(); k += 2)
      gpt.linear_attention->layer_freq.push_back(pattern[k] == 'G' ? 1 : 0);
  }
  return gpt;
}

}  // namespace mhub
