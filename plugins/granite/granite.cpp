// SPDX-License-Identifier: Apache-2.0
#include "granite.hpp"

#include <algorithm>
#include <cmath>

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::granite {

void GraniteMultipliers::bind(ConfigBinding& b, DecoderKeys keys) {
  TransformerConfig& m = b.megatron;
  keys.head_dim.clear();
  DecoderConfig::bind(b, keys);
  b.number("embedding_multiplier", embedding_multiplier, m.embedding_multiplier);
  b.number("residual_multiplier", residual_multiplier, m.residual_multiplier);
  b.number("attention_multiplier", attention_multiplier);
  b.fixed(m.softmax_scale, attention_multiplier);
  if (b.from_megatron())
    attention_multiplier = m.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(head_dim)));
  b.number("logits_scaling", logits_scaling);
  b.check(logits_scaling != 0.0, "logits_scaling", "expected a number other than 0");
  b.fixed(m.logits_multiplier, 1.0 / logits_scaling);
  if (b.from_megatron()) logits_scaling = 1.0 / m.logits_multiplier;
}

void GraniteConfig::bind(ConfigBinding& b) {
  GraniteMultipliers::bind(b);
  b.boolean("attention_bias", attention_bias, b.megatron.add_qkv_bias);
  b.boolean("mlp_bias", mlp_bias, b.megatron.add_bias_linear);
  b.check(attention_bias == mlp_bias, "attention_bias",
          "unsupported without the same mlp_bias: Megatron cannot hold biases in one of them only");
}

Mapping GraniteForCausalLM::mapping(const GraniteConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

void GraniteMoeConfig::bind(ConfigBinding& b) {
  GraniteMultipliers::bind(b);
  MoeConfig& moe = moe_config(b);
  b.positive("num_local_experts", num_local_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.number("router_aux_loss_coef", router_aux_loss_coef, b.megatron.training.moe_aux_loss_coeff);
  b.link(intermediate_size, moe.ffn_hidden_size);
  b.fixed(moe.router_pre_softmax, false);  // modeling_jetmoe.py, JetMoeTopKGating
  b.require("attention_bias", false);
}

namespace {

MoeNames expert_names() {
  MoeNames moe;
  moe.router = "block_sparse_moe.router.layer.weight";
  moe.storage = ExpertStorage::stacked;
  moe.fc1 = "block_sparse_moe.input_linear.weight";
  moe.fc2 = "block_sparse_moe.output_linear.weight";
  moe.shared_fc1 = "shared_mlp.input_linear.weight";
  moe.shared_fc2 = "shared_mlp.output_linear.weight";
  return moe;
}

}  // namespace

Mapping GraniteMoeForCausalLM::mapping(const GraniteMoeConfig&, const TransformerConfig& megatron) {
  return moe_decoder_mapping(megatron, {}, expert_names());
}

void GraniteMoeSharedConfig::bind(ConfigBinding& b) {
  GraniteMoeConfig::bind(b);
  b.integer("shared_intermediate_size", shared_intermediate_size);
  b.check(shared_intermediate_size >= 0, "shared_intermediate_size", "expected 0 or more");
  b.link(shared_intermediate_size, moe_config(b).shared_expert_intermediate_size);
}

Mapping GraniteMoeSharedForCausalLM::mapping(const GraniteMoeSharedConfig& config,
                                             const TransformerConfig& megatron) {
  return GraniteMoeForCausalLM::mapping(config, megatron);
}

bool GraniteMoeHybridConfig::has_mixers() const {
  return std::find(attention.begin(), attention.end(), 0) != attention.end();
}

void GraniteMoeHybridConfig::bind_layers(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  const auto all = [&](std::int64_t kind) {
    attention.assign(static_cast<std::size_t>(num_hidden_layers), kind);
  };
  const char mlp = num_local_experts > 0 ? 'E' : '-';
  if (b.reading()) all(0);
  if (b.from_megatron() && m.hybrid_layer_pattern.empty()) {
    all(1);
  } else if (!b.to_megatron() || has_mixers()) {
    bind_layer_pairs(b, num_hidden_layers, attention, mlp);
  }
  b.also_called("layer_types", "layers_block_type");
  b.per_layer("layer_types", {"mamba", "attention"}, attention);
  b.check(static_cast<std::int64_t>(attention.size()) == num_hidden_layers, "layer_types",
          "expected " + std::to_string(num_hidden_layers) + " entries, one a layer, found " +
              std::to_string(attention.size()));
}

void GraniteMoeHybridConfig::bind_experts(ConfigBinding& b) {
  b.integer("num_local_experts", num_local_experts);
  b.check(num_local_experts >= 0, "num_local_experts", "expected 0 or more");
  if (b.from_megatron() && !b.megatron.moe) num_local_experts = 0;
  if (num_local_experts == 0) return;
  MoeConfig& moe = moe_config(b);
  b.positive("num_local_experts", num_local_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.number("router_aux_loss_coef", router_aux_loss_coef, b.megatron.training.moe_aux_loss_coeff);
  b.positive("intermediate_size", expert_size, moe.ffn_hidden_size);
  b.link(intermediate_size, moe.shared_expert_intermediate_size);
  b.fixed(moe.router_pre_softmax, false);  // modeling_granitemoehybrid.py, GraniteMoeHybridTopKGating
}

void GraniteMoeHybridConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  DecoderKeys keys;
  keys.intermediate_size = "shared_intermediate_size";
  GraniteMultipliers::bind(b, keys);
  // "rope", or null and "nope": no positions (modeling_granitemoehybrid.py).
  constexpr const char* kPositions = "position_embedding_type";
  std::string positions = rotates ? "rope" : "nope";
  b.text(kPositions, positions);
  b.check(positions == "rope" || positions == "nope", kPositions, "unsupported: \"" + positions + "\"");
  if (b.reading()) rotates = positions == "rope";
  if (b.from_megatron()) rotates = m.position_embedding_type == PositionEmbedding::rope;
  b.fixed(m.position_embedding_type, rotates ? PositionEmbedding::rope : PositionEmbedding::none);
  bind_experts(b);
  bind_layers(b);
  b.require("attention_bias", false);
  if (!has_mixers()) {
    // transformers checks their sizes whether there are any or not; one head fits all.
    b.constant("mamba_n_heads", 1);
    return;
  }
  mixer.bind(b, bamba_keys(), hidden_size);
  b.fixed(m.bridge_provider, kHybridProvider);
}

Mapping GraniteMoeHybridForCausalLM::mapping(const GraniteMoeHybridConfig&,
                                             const TransformerConfig& megatron) {
  const std::string& pattern = megatron.hybrid_layer_pattern;
  const bool hybrid = !pattern.empty();
  const auto layers = [&](char symbol) {
    return hybrid ? std::optional(layers_of(pattern, symbol)) : std::nullopt;
  };
  DecoderNames names;
  if (hybrid) names.layer = "model.layers.{i/2}.";
  names.fc1 = "shared_mlp.input_linear";
  names.fc2 = "shared_mlp.output_linear";
  Mapping map;
  add_ends(map, megatron, names);
  if (hybrid) add_mamba(map, megatron, names, "mamba", layers_of(pattern, 'M'));
  add_attention(map, megatron, names, layers('*'));
  if (megatron.moe) {
    add_moe(map, megatron, names, expert_names());
  } else {
    add_dense_mlp(map, megatron, names, layers('-'));
  }
  return map;
}

}  // namespace mhub::granite

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "granite";
  registrar.about = "Granite 3 and 4, with experts and Mamba-2 mixers too";
  registrar.add<mhub::granite::GraniteForCausalLM>();
  registrar.add<mhub::granite::GraniteMoeForCausalLM>();
  registrar.add<mhub::granite::GraniteMoeSharedForCausalLM>();
  registrar.add<mhub::granite::GraniteMoeHybridForCausalLM>();
}
