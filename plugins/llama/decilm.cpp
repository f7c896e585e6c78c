// SPDX-License-Identifier: Apache-2.0
#include "decilm.hpp"

#include <algorithm>

#include "mhub/config/heterogeneous.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::llama {
namespace {

using Json = nlohmann::json;

constexpr const char *kBlocks = "block_configs", *kGroups = "num_key_value_heads_per_layer";

/// What the parts of a block hold beside their sizes and kinds (block_config.py, which comes with the model),
/// as it is in the published models.
const Json kAttention{{"num_sink_tokens", nullptr},
                      {"sparsify", nullptr},
                      {"unshifted_sink", false},
                      {"use_prefill_window_in_sink_attention", false},
                      {"window_length", nullptr}},
    kFfn{{"sparsify", nullptr}};

/// Windows, sinks, experts, other mixers ...: whatever else is asked for.
void refuse_others(const ConfigReader& part, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : part.json().items()) {
    const bool off = value.is_null() || value == Json(false);
    if (!off && std::find(known.begin(), known.end(), key) == known.end())
      part.fail(key, "unsupported: Megatron-Core's layers of several sizes have sizes alone");
  }
}

TransformerConfig sized(const DeciLMConfig& c) {
  TransformerConfig m;
  m.hidden_size = c.hidden_size;
  m.num_attention_heads = c.num_attention_heads;
  m.heterogeneous = c.sizes;
  return m;
}

HeterogeneousConfig sizes_of_blocks(const ConfigReader& json, const DeciLMConfig& c) {
  HeterogeneousConfig sizes = read_block_configs(json, sized(c));
  const Json& blocks = json.json().at(kBlocks);
  for (std::size_t k = 0; k < blocks.size(); ++k) {
    const ConfigReader block(blocks[k], json.file() + ": " + kBlocks + "[" + std::to_string(k) + "]");
    refuse_others(block, {"attention", "ffn"});
    refuse_others(block.object("attention"), {"n_heads_in_group", "no_op", "replace_with_linear"});
    refuse_others(block.object("ffn"), {"ffn_mult", "no_op", "replace_with_linear"});
  }
  return sizes;
}

/// DeciLM 7B: numbers of key-value heads alone differ.
HeterogeneousConfig sizes_of_heads(const ConfigReader& json, const DeciLMConfig& c) {
  HeterogeneousConfig sizes{json.integers(kGroups), {}};
  for (const std::int64_t groups : sizes.num_query_groups) {
    if (groups < 1 || c.num_attention_heads % groups != 0)
      json.fail(kGroups, "expected divisors of " + std::to_string(c.num_attention_heads) +
                             " (num_attention_heads), found " + std::to_string(groups));
  }
  sizes.ffn_hidden_size.assign(sizes.num_query_groups.size(), c.intermediate_size);
  return sizes;
}

Json blocks_of(const DeciLMConfig& c) {
  Json blocks = block_configs(sized(c));
  for (Json& block : blocks) {
    block["ffn"].erase("ffn_hidden_size");  // Megatron-Core's alone
    block["attention"].update(kAttention);
    block["ffn"].update(kFfn);
  }
  return blocks;
}

/// The first size in a list; `none` where no layer has one.
std::int64_t first_size(const std::vector<std::int64_t>& sizes, std::int64_t none) {
  const auto at = std::find_if(sizes.begin(), sizes.end(), [](std::int64_t size) { return size > 0; });
  return at == sizes.end() ? none : *at;
}

}  // namespace

void DeciLMConfig::bind(ConfigBinding& b) {
  LlamaConfig::bind(b);
  b.check(!attention_bias, "attention_bias", "unsupported: a linear layer in a block's place has none");
  TransformerConfig& m = b.megatron;
  if (b.reading()) {
    const bool heads = !b.reader().has(kBlocks) && b.reader().has(kGroups);
    sizes = heads ? sizes_of_heads(b.reader(), *this) : sizes_of_blocks(b.reader(), *this);
    const std::size_t blocks = sizes.num_query_groups.size();
    b.check(static_cast<std::int64_t>(blocks) == num_hidden_layers, heads ? kGroups : kBlocks,
            "expected " + std::to_string(num_hidden_layers) + " entries, one a layer, found " +
                std::to_string(blocks));
  }
  if (b.from_megatron()) sizes = m.heterogeneous.value_or(HeterogeneousConfig());
  if (b.to_megatron()) {
    m.heterogeneous = sizes;
    // Megatron-LM compares the first layer's number with its own, and counts floating-point operations.
    m.num_query_groups = first_size(sizes.num_query_groups, num_attention_heads);
    m.ffn_hidden_size = first_size(sizes.ffn_hidden_size, hidden_size);
  }
  if (!b.writing()) return;
  b.constant("intermediate_size", nullptr);
  b.constant("num_key_value_heads", nullptr);
  b.constant(kBlocks, blocks_of(*this));
  // transformers has no such class: the model's own code is asked for.
  b.constant("auto_map", {{"AutoConfig", "configuration_decilm.DeciLMConfig"},
                          {"AutoModelForCausalLM", "modeling_decilm.DeciLMForCausalLM"}});
}

Mapping DeciLMForCausalLM::mapping(const DeciLMConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

}  // namespace mhub::llama
