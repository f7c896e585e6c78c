// SPDX-License-Identifier: Apache-2.0
#include "nemotron_h.hpp"

#include <algorithm>

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/mixer_rules.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::nemotron_h {
namespace {

constexpr std::string_view kSymbols = "M*-E";

/// Layers of every kind, where the config's pattern has them.
void add_layers(Mapping& map, const TransformerConfig& megatron, const DecoderNames& names) {
  const std::string& pattern = megatron.hybrid_layer_pattern;
  add_mamba(map, megatron, names, "mixer", layers_of(pattern, 'M'));
  add_attention(map, megatron, names, layers_of(pattern, '*'));
  add_dense_mlp(map, megatron, names, layers_of(pattern, '-'));
  if (!megatron.moe) return;
  MoeNames moe;
  moe.router = "mixer.gate.weight";
  moe.correction_bias = "mixer.gate.e_score_correction_bias";
  moe.fc1 = "mixer.experts.{e}.up_proj.weight";
  moe.fc2 = "mixer.experts.{e}.down_proj.weight";
  moe.latent_fc1 = "mixer.fc1_latent_proj.weight";
  moe.latent_fc2 = "mixer.fc2_latent_proj.weight";
  moe.shared_fc1 = "mixer.shared_experts.up_proj.weight";
  moe.shared_fc2 = "mixer.shared_experts.down_proj.weight";
  add_moe(map, megatron, names, moe);
}

/// Layers by the names of their kinds, which transformers 5 writes in a list, or by the published models'
/// pattern.
void bind_kinds(ConfigBinding& b, const char* list, const char* pattern, std::string& symbols) {
  std::vector<std::int64_t> kinds;
  b.per_layer(list, {"mamba", "attention", "mlp", "moe"}, kinds);
  if (kinds.empty()) return b.text(pattern, symbols);
  symbols.clear();
  for (const std::int64_t kind : kinds) symbols += kSymbols[static_cast<std::size_t>(kind)];
}

std::string with_variable(std::string pattern) {
  const std::size_t at = pattern.find("{i}");
  return at == std::string::npos ? pattern : pattern.replace(at, 3, "{m}");
}

/// The one prediction block: a stack of layers of its own. Its parts beside them are in the first and in the
/// last one of the Hugging Face state (Megatron-Bridge's nemotron_h_bridge.py; transformers has no such
/// block).
void add_block(Mapping& map, const TransformerConfig& megatron, DecoderNames names) {
  const std::string block = "mtp.layers.0.", stack = block + "mtp_model_layer.layers.{m}.",
                    hf = "mtp.layers.";
  TransformerConfig inner = megatron;
  inner.hybrid_layer_pattern = megatron.mtp_hybrid_layer_pattern;
  inner.num_layers = static_cast<std::int64_t>(inner.hybrid_layer_pattern.size());
  names.layer = hf + "{i}.";
  Mapping layers;
  add_layers(layers, inner, names);
  map.index("m", inner.num_layers);
  for (Rule rule : layers.rules()) {
    rule.megatron = stack + rule.megatron.substr(std::string_view("decoder.layers.{i}.").size());
    for (Operand& operand : rule.transform.operands) operand.name = with_variable(operand.name);
    if (const auto only = rule.values.find("i"); only != rule.values.end()) {
      rule.values["m"] = only->second;
      rule.values.erase("i");
    }
    map.rule(rule.megatron, rule.transform) = rule;
  }
  const std::string last = hf + std::to_string(inner.num_layers - 1) + ".";
  for (const char* norm : {"enorm", "hnorm"}) add_norm(map, megatron, block + norm + ".", hf + "0." + norm);
  map.rule(block + "eh_proj.weight",
           column(hf + "0.eh_proj.weight", {megatron.hidden_size, 2 * megatron.hidden_size}));
  add_norm(map, megatron, block + "final_layernorm.", last + "final_layernorm");
}

}  // namespace

NemotronHConfig::NemotronHConfig()
    : DecoderConfig{.vocab_size = 131072,
                    .intermediate_size = 21504,
                    .max_position_embeddings = 4096,
                    .num_key_value_heads = 8,
                    .head_dim = 128,
                    .norm_eps = 1e-5,
                    .hidden_act = "relu2"} {}

void NemotronHConfig::bind_pattern(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  bind_kinds(b, "layers_block_type", "hybrid_override_pattern", hybrid_override_pattern);
  b.link(hybrid_override_pattern, m.hybrid_layer_pattern);
  std::erase(hybrid_override_pattern, '|');
  b.check(!hybrid_override_pattern.empty() &&
              hybrid_override_pattern.find_first_not_of(kSymbols) == std::string::npos,
          "hybrid_override_pattern", "expected one of M * - E for each layer");
  num_hidden_layers = static_cast<std::int64_t>(hybrid_override_pattern.size());
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
  b.optional("moe_latent_size", moe_latent_size);
  b.check(moe_latent_size.value_or(1) > 0, "moe_latent_size", "expected null, or 1 or more");
  if (b.to_megatron()) moe.latent_size = moe_latent_size.value_or(0);
  if (b.from_megatron() && moe.latent_size > 0) moe_latent_size = moe.latent_size;
  bind_expert_groups(b, n_group, topk_group);
  bind_sigmoid_router(b, num_experts_per_tok);
}

void NemotronHConfig::bind_blocks(ConfigBinding& b) {
  constexpr const char *kBlocks = "num_nextn_predict_layers", *kPattern = "mtp_hybrid_override_pattern";
  TransformerConfig& m = b.megatron;
  b.integer(kBlocks, num_nextn_predict_layers);
  b.check(num_nextn_predict_layers == 0 || num_nextn_predict_layers == 1, kBlocks, "unsupported: several");
  b.link(num_nextn_predict_layers, m.mtp_num_layers);
  if (b.writing() && num_nextn_predict_layers == 0) return;
  bind_kinds(b, "mtp_layers_block_type", kPattern, mtp_hybrid_override_pattern);
  if (num_nextn_predict_layers > 0) b.link(mtp_hybrid_override_pattern, m.mtp_hybrid_layer_pattern);
  b.check(num_nextn_predict_layers == 0 ||
              (!mtp_hybrid_override_pattern.empty() &&
               mtp_hybrid_override_pattern.find_first_not_of(hybrid_override_pattern) == std::string::npos),
          kPattern, "expected kinds of layers that hybrid_override_pattern has");
}

void NemotronHConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  bind_pattern(b);
  const std::int64_t layers = num_hidden_layers;
  DecoderKeys keys;
  keys.norm_eps = "layer_norm_epsilon";
  keys.activation = "mlp_hidden_act";
  keys.rotary.theta.clear();
  b.also_called("head_dim", "attention_head_dim");
  DecoderConfig::bind(b, keys);
  b.check(num_hidden_layers == layers, "num_hidden_layers",
          "expected as many as hybrid_override_pattern has symbols");
  mixer.bind(b);
  for (const char* bias : {"use_bias", "attention_bias", "mlp_bias"}) b.require(bias, false);
  b.require("sliding_window", nullptr);
  bind_blocks(b);
  bind_experts(b);
  b.fixed(m.gated_linear_unit, false);
  b.fixed(m.bridge_provider, kHybridProvider);
}

Mapping NemotronHForCausalLM::mapping(const NemotronHConfig&, const TransformerConfig& megatron) {
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
  // As transformers 5 saves the model, and as it has it in memory (conversion_mapping.py).
  map.also_spelled("backbone.embeddings.", "backbone.embedding.");
  map.also_spelled("backbone.", "model.");
  TransformerConfig decoder = megatron;
  std::erase(decoder.hybrid_layer_pattern, '|');
  add_layers(map, decoder, names);
  if (megatron.mtp_num_layers > 0) add_block(map, megatron, names);
  return map;
}

nlohmann::json llm_config(const nlohmann::json& whole) {
  nlohmann::json text = ConfigReader(whole, "config.json").object("llm_config").json();
  text["model_type"] = NemotronHForCausalLM::model_type;
  return text;
}

Mapping vision_language(Mapping decoder, bool hears) {
  for (const char* part : {"backbone.", "mtp."}) decoder.renamed(part, std::string("language_model.") + part);
  if (!hears) return decoder;
  for (const char* part : {"sound_encoder.", "sound_projection."}) decoder.carry_rest(part);
  return decoder;
}

}  // namespace mhub::nemotron_h

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "nemotron_h";
  registrar.about = "Nemotron-H, Nemotron Nano 2 and 3, Nano VL and Omni";
  registrar.add<mhub::nemotron_h::NemotronHForCausalLM>();
  registrar.add<mhub::nemotron_h::NemotronH_Nano_VL_V2>();
  registrar.add<mhub::nemotron_h::NemotronH_Nano_Omni_Reasoning_V3>();
}
