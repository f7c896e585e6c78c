#include "nemotron_h.hpp"

#include <algorithm>

#include "mhub/model/mamba_rules.hpp"
#include "mhub/model/moe_rules.hpp"
#include "mhub/model/plugin.hpp"

namespace mhub::nemotron_h {

void NemotronHConfig::bind_pattern(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  // transformers 5 writes names of kinds of layers, the published models the pattern.
  std::vector<std::int64_t> kinds;
  constexpr std::string_view kSymbols = "M*-E";
  b.per_layer("layers_block_type", {"mamba", "attention", "mlp", "moe"}, kinds);
  for (const std::int64_t kind : kinds) hybrid_override_pattern += kSymbols[static_cast<std::size_t>(kind)];
  if (kinds.empty()) b.text("hybrid_override_pattern", hybrid_override_pattern);
  b.link(hybrid_override_pattern, m.hybrid_layer_pattern);
  std::erase(hybrid_override_pattern, '|');
  b.check(!hybrid_override_pattern.empty() &&
              hybrid_override_pattern.find_first_not_of(kSymbols) == std::string::npos,
          "hybrid_override_pattern", "expected one of M * - E for each layer");
  auto layers = static_cast<std::int64_t>(hybrid_override_pattern.size());
  const std::int64_t wanted = layers;
  b.positive("num_hidden_layers", layers);
  b.check(layers == wanted, "num_hidden_layers", "expected as many as hybrid_override_pattern has symbols");
  b.fixed(m.num_layers, layers);
}

void NemotronHConfig::bind_experts(ConfigBinding& b) {
  if (hybrid_override_pattern.find('E') == std::string::npos) return;
  MoeConfig& moe = moe_config(b);
  b.positive("n_routed_experts", n_routed_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.positive("moe_intermediate_size", moe_intermediate_size, moe.ffn_hidden_size);
  b.positive("moe_shared_expert_intermediate_size", moe_shared_expert_intermediate_size,
             moe.shared_expert_intermediate_size);
  b.number("routed_scaling_factor", routed_scaling_factor, moe.router_topk_scaling_factor);
  b.require("n_shared_experts", 1);
  b.require("moe_latent_size", nullptr);
  bind_expert_groups(b, n_group, topk_group);
  bind_sigmoid_router(b, num_experts_per_tok);
  b.fixed(moe.router_group_score_topk, moe.router_num_groups > 0 ? 2 : 0);
}

void NemotronHConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  if (!m.mamba) m.mamba.emplace();
  b.positive("vocab_size", vocab_size, m.vocab_size);
  b.positive("hidden_size", hidden_size, m.hidden_size);
  b.positive("intermediate_size", intermediate_size, m.ffn_hidden_size);
  b.positive("max_position_embeddings", max_position_embeddings, m.max_position_embeddings);
  bind_pattern(b);
  b.positive("num_attention_heads", num_attention_heads, m.num_attention_heads);
  b.positive("num_key_value_heads", num_key_value_heads, m.num_query_groups);
  b.divides("num_key_value_heads", num_key_value_heads, "num_attention_heads", num_attention_heads);
  b.also_called("head_dim", "attention_head_dim");
  b.positive("head_dim", head_dim, m.kv_channels);
  b.positive("mamba_num_heads", mamba_num_heads, m.mamba->num_heads);
  b.positive("mamba_head_dim", mamba_head_dim, m.mamba->head_dim);
  b.positive("ssm_state_size", ssm_state_size, m.mamba->state_dim);
  b.positive("n_groups", n_groups, m.mamba->num_groups);
  b.divides("n_groups", n_groups, "mamba_num_heads", mamba_num_heads);
  b.require("conv_kernel", conv_kernel);  // MambaMixer has no setting for it
  b.require("use_conv_bias", true);
  if (b.reading() && b.reader().has("time_step_limit")) {  // [0, infinity], which JSON has no number for
    const nlohmann::json& limit = b.reader().json().at("time_step_limit");
    b.check(limit.is_array() && limit.size() == 2 && limit[0] == 0 && !limit[1].is_number(),
            "time_step_limit", "unsupported: MambaMixer limits no time step");
  }
  b.require("mamba_hidden_act", "silu");
  for (const char* bias : {"use_bias", "mamba_proj_bias", "attention_bias", "mlp_bias"})
    b.require(bias, false);
  b.require("sliding_window", nullptr);
  b.require("num_nextn_predict_layers", 0);
  bind_experts(b);
  b.number("layer_norm_epsilon", layer_norm_epsilon, m.layernorm_epsilon);
  b.number("attention_dropout", attention_dropout, m.training.attention_dropout);
  b.number("initializer_range", initializer_range, m.training.init_method_std);
  b.text("mlp_hidden_act", mlp_hidden_act, m.activation);
  b.boolean("tie_word_embeddings", tie_word_embeddings, m.share_embeddings_and_output_weights);
  b.fixed(m.gated_linear_unit, false);
  b.fixed(m.position_embedding_type, "none");
  b.fixed(m.bridge_provider, "megatron.bridge.models.hybrid.hybrid_provider.HybridModelProvider");
}

Mapping NemotronHForCausalLM::mapping(const NemotronHConfig& config, const TransformerConfig& megatron) {
  const std::string& pattern = config.hybrid_override_pattern;
  DecoderNames names;
  names.base_prefix = "backbone.";
  names.embedding = "backbone.embeddings";
  names.layer = "backbone.layers.{i}.";
  names.final_norm = "backbone.norm_f";
  names.input_norm = names.pre_mlp_norm = "norm";
  names.qkv = "mixer.{q,k,v}_proj";
  names.proj = "mixer.o_proj";
  names.fc1 = "mixer.up_proj";
  names.fc2 = "mixer.down_proj";
  Mapping map;
  add_ends(map, megatron, names);
  add_mamba(map, megatron, names, "mixer", layers_of(pattern, 'M'));
  add_attention(map, megatron, names, layers_of(pattern, '*'));
  add_dense_mlp(map, megatron, names, layers_of(pattern, '-'));
  if (!megatron.moe) return map;
  TransformerConfig experts = megatron;
  for (const char symbol : pattern) experts.moe->layer_freq.push_back(symbol == 'E' ? 1 : 0);
  MoeNames moe;
  moe.router = "mixer.gate.weight";
  moe.correction_bias = "mixer.gate.e_score_correction_bias";
  moe.fc1 = "mixer.experts.{e}.up_proj.weight";
  moe.fc2 = "mixer.experts.{e}.down_proj.weight";
  moe.shared_fc1 = "mixer.shared_experts.up_proj.weight";
  moe.shared_fc2 = "mixer.shared_experts.down_proj.weight";
  add_moe(map, experts, names, moe);
  return map;
}

}  // namespace mhub::nemotron_h

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "nemotron_h";
  registrar.about = "Nemotron-H, Nemotron Nano 2 and 3";
  registrar.add<mhub::nemotron_h::NemotronHForCausalLM>();
}
