// SPDX-License-Identifier: Apache-2.0
#include "mimo.hpp"

#include <algorithm>
#include <functional>
#include <set>

#include "mhub/base/json.hpp"
#include "mhub/rules/decoder_rules.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::mimo {
namespace {

constexpr const char* kBlocks = "num_nextn_predict_layers";

/// What says once more what another key says: another value is refused.
void repeated(ConfigBinding& b, const std::string& key, const nlohmann::json& value, const std::string& of) {
  b.check(!b.reader().has(key) || b.reader().json().at(key) == value, key,
          "unsupported: other than " + of + ", " + json_text(value));
  b.constant(key, value);
}

/// A list of 0 and 1, one a layer, under the key of the model's own code, or in words under transformers'.
/// Before the call, the default.
void bind_layers(ConfigBinding& b, const std::string& key, const std::string& in_words,
                 std::int64_t num_layers, const std::function<void()>& bind_words,
                 std::vector<std::int64_t>& layers) {
  std::vector<std::int64_t> listed;
  if (b.reading() && b.reader().has(key)) layers = listed = b.reader().integers(key);
  bind_words();
  b.check(static_cast<std::int64_t>(layers.size()) == num_layers &&
              std::all_of(layers.begin(), layers.end(), [](std::int64_t v) { return v == 0 || v == 1; }),
          key, "expected " + std::to_string(num_layers) + " entries of 0 or 1, one a layer");
  b.check(listed.empty() || listed == layers, key, "contradicts " + in_words);
  b.constant(key, layers);
}

}  // namespace

MiMoV2FlashConfig::MiMoV2FlashConfig()
    : DecoderConfig({.vocab_size = 152576,
                     .hidden_size = 4096,
                     .intermediate_size = 16384,
                     .num_hidden_layers = 48,
                     .num_attention_heads = 64,
                     .max_position_embeddings = 131072,
                     .num_key_value_heads = 4,
                     .head_dim = 192,
                     .norm_eps = 1e-5}) {
  rotary.theta = 5e6;
  rotary.local_theta = 1e4;
  rotary.partial_factor = 0.334;
}

void MiMoV2FlashConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  bind_positions(b);
  repeated(b, "layernorm_epsilon", norm_eps, "rms_norm_eps");
  b.require("attention_bias", false);
  bind_windows(b);
  bind_heads(b);
  bind_experts(b);
  bind_prediction_blocks(b, num_nextn_predict_layers);
  b.fixed(m.mtp_dense, num_nextn_predict_layers > 0);
  b.fixed(m.mtp_windowed, num_nextn_predict_layers > 0);
}

/// The fields that all decoders have. transformers reads `rope_parameters` and `rms_norm_eps` alone, the
/// model's own code the other names alone.
void MiMoV2FlashConfig::bind_positions(ConfigBinding& b) {
  DecoderKeys keys;
  keys.rotary.per_kind = true;
  keys.rotary.partial_factor = "partial_rotary_factor";
  b.also_called("rms_norm_eps", "layernorm_epsilon");
  b.also_called("rope_local_base_freq", "swa_rope_theta");
  DecoderConfig::bind(b, keys);
  b.check(rotary.scaling.type == RopeKind::none, "rope_parameters", "unsupported: a scaling");
  const std::string kinds = "rope_parameters";
  repeated(b, "rope_theta", rotary.theta, kinds);
  repeated(b, "swa_rope_theta", rotary.local_theta.value_or(rotary.theta), kinds);
  repeated(b, "partial_rotary_factor", rotary.partial_factor, kinds);
}

/// `sliding_window_size` counts the tokens in front of the query, `sliding_window` alone the query as well
/// (configuration_mimo_v2_flash.py). Published configs have the same number in both, and so has what is
/// written.
void MiMoV2FlashConfig::bind_windows(ConfigBinding& b) {
  constexpr const char* kBefore = "sliding_window_size";
  if (b.reading()) {
    for (std::int64_t i = 0; i < num_hidden_layers; ++i)
      window.layers.push_back(i != 0 && (i + 1) % 6 != 0 ? 1 : 0);
  }
  bind_layers(
      b, "hybrid_layer_pattern", "layer_types", num_hidden_layers, [&] { window.bind(b, num_hidden_layers); },
      window.layers);
  b.check(std::set(window.layers.begin(), window.layers.end()).size() == 2, "hybrid_layer_pattern",
          "unsupported: layers that all have a window, or none");
  if (b.reading() && b.reader().has(kBefore)) window.sliding_window = b.reader().positive(kBefore) + 1;
  b.check(window.sliding_window.has_value(), "sliding_window", "expected 1 or more");
  if (!b.writing()) return;
  b.constant("sliding_window", *window.sliding_window - 1);
  b.constant(kBefore, *window.sliding_window - 1);
}

/// Layers with a window have heads of keys of their own number, and sinks.
void MiMoV2FlashConfig::bind_heads(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  if (b.from_megatron() && m.full_attention) {
    swa_num_key_value_heads = m.num_query_groups;
    num_key_value_heads = m.full_attention->num_query_groups;
    v_head_dim = m.value_channels.value_or(m.kv_channels);
    attention_value_scale = m.value_multiplier;
  }
  b.positive("v_head_dim", v_head_dim);
  b.positive("swa_num_key_value_heads", swa_num_key_value_heads);
  if (b.reading() && swa_num_key_value_heads == 0) swa_num_key_value_heads = 2 * num_key_value_heads;
  b.divides("swa_num_key_value_heads", swa_num_key_value_heads, "num_attention_heads", num_attention_heads);
  repeated(b, "swa_num_attention_heads", num_attention_heads, "num_attention_heads");
  repeated(b, "swa_head_dim", head_dim, "head_dim");
  repeated(b, "swa_v_head_dim", v_head_dim, "v_head_dim");
  b.optional("attention_value_scale", attention_value_scale);
  b.require("add_swa_attention_sink_bias", true);
  b.require("add_full_attention_sink_bias", false);
  if (!b.to_megatron()) return;
  m.num_query_groups = swa_num_key_value_heads;
  m.full_attention = AttentionKind{num_key_value_heads, head_dim, false, SoftmaxType::vanilla};
  if (v_head_dim != head_dim) m.value_channels = v_head_dim;
  m.value_multiplier = attention_value_scale.value_or(1.0);
  m.softmax_type = SoftmaxType::learnable;
}

void MiMoV2FlashConfig::bind_experts(ConfigBinding& b) {
  MoeConfig& moe = moe_config(b);
  b.positive("n_routed_experts", n_routed_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.positive("moe_intermediate_size", moe_intermediate_size, moe.ffn_hidden_size);
  b.check(!b.reader().has("n_shared_experts"), "n_shared_experts", "unsupported: shared experts");
  b.constant("n_shared_experts", nullptr);
  if (b.from_megatron() && moe.router_topk_scaling_factor != 1.0)
    routed_scaling_factor = moe.router_topk_scaling_factor;
  b.optional("routed_scaling_factor", routed_scaling_factor);
  b.fixed(moe.router_topk_scaling_factor, routed_scaling_factor.value_or(1.0));
  if (b.reading()) {
    moe_layers.assign(static_cast<std::size_t>(num_hidden_layers), 1);
    moe_layers.front() = 0;
  }
  b.link(moe_layers, moe.layer_freq);
  bind_layers(
      b, "moe_layer_freq", "mlp_layer_types", num_hidden_layers,
      [&] {
        b.per_layer("mlp_layer_types", {"dense", "sparse"}, moe_layers);
      },
      moe_layers);
  b.check(std::find(moe_layers.begin(), moe_layers.end(), 1) != moe_layers.end(), "moe_layer_freq",
          "unsupported: no layer of experts");
  bind_expert_groups(b, n_group, topk_group);
  bind_sigmoid_router(b, num_experts_per_tok);
  b.require("topk_method", "noaux_tc");
}

/// MiMoV2FlashModelProvider, whose window_size counts the query. Megatron-Bridge itself takes a config.json's
/// `sliding_window_size` for it, and so sees one token less than transformers.
void MiMoV2FlashForCausalLM::bridge_fields(FieldBinding& f, TransformerConfig& m) {
  std::vector<std::int64_t> pattern = m.window_layers;
  AttentionKind full = m.full_attention.value_or(AttentionKind{m.num_query_groups, m.kv_channels});
  std::int64_t values = m.value_channels.value_or(m.kv_channels);
  std::optional<double> multiplier = m.value_multiplier;
  f.integers("hybrid_attention_pattern", pattern);
  f.positive("full_attn_num_query_groups", full.num_query_groups);
  f.positive("swa_num_query_groups", m.num_query_groups);
  f.positive("v_head_dim", values);
  f.optional("attention_value_scale", multiplier);
  if (f.reading()) {
    m.window_layers = pattern;
    m.full_attention = full;
    if (values != m.kv_channels) m.value_channels = values;
    m.value_multiplier = multiplier.value_or(1.0);
    m.softmax_type = SoftmaxType::learnable;
    m.mtp_dense = m.mtp_windowed = m.mtp_num_layers > 0;
    return;
  }
  f.constant("num_query_groups", full.num_query_groups);
  f.constant("rotary_base", {m.rotary_base_local.value_or(m.rotary_base), m.rotary_base});
  f.constant("window_size", m.sliding_window ? nlohmann::json(*m.sliding_window) : nlohmann::json());
  f.constant("softmax_type", name_of(SoftmaxType::vanilla));  // it asks for sinks where there are some
  // The provider has none by default, and divides it (multi_token_prediction.py).
  if (m.mtp_num_layers > 0) f.constant("mtp_loss_scaling_factor", 0.1);
}

/// Bridge's mimo_v2_flash_bridge.py has the names of prediction blocks.
Mapping MiMoV2FlashForCausalLM::mapping(const MiMoV2FlashConfig&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.sinks = "self_attn.attention_sink_bias";
  Mapping map = moe_decoder_mapping(megatron, names, {});
  const std::string block = "model.mtp.layers.{t}.";
  add_mtp(map, megatron, names,
          {.layer = block,
           .projection = block + "eh_proj",
           .embedding_norm = block + "enorm",
           .hidden_norm = block + "hnorm",
           .final_norm = block + "final_layernorm",
           .embedding = {},
           .head = {},
           .pre_mlp_norm = "pre_mlp_layernorm"});
  map.also_spelled(".self_attn.attention_sink_bias", ".self_attn.sinks");  // transformers' module
  return map;
}

/// Counts the prediction blocks, which transformers leaves out when it saves a model.
nlohmann::json MiMoV2FlashForCausalLM::completed_config(const ConfigReader& config,
                                                        const TensorSource& tensors) {
  const std::string front = "mtp.layers.", model = "model.";
  std::set<std::string> blocks;
  for (const StoredTensor& tensor : tensors.tensors()) {
    std::string_view name = tensor.name;
    if (name.starts_with(model)) name.remove_prefix(model.size());
    if (name.starts_with(front))
      blocks.emplace(name.substr(front.size(), name.find('.', front.size()) - front.size()));
  }
  nlohmann::json json = config.json();
  if (!blocks.empty() || config.has(kBlocks)) json[kBlocks] = static_cast<std::int64_t>(blocks.size());
  return json;
}

}  // namespace mhub::mimo

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "mimo";
  registrar.about = "MiMo-V2-Flash";
  registrar.add<mhub::mimo::MiMoV2FlashForCausalLM>();
}
