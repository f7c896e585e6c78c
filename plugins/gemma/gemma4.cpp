// SPDX-License-Identifier: Apache-2.0
#include "gemma4.hpp"

#include <algorithm>
#include <cmath>

#include "mhub/rules/decoder_rules.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::gemma {

namespace {

constexpr const char *kStored = "stored_kv_shared_layers", *kLayers = "per_layer_config";

/// A window in all layers but every so many-th.
Layers every_full(std::int64_t layers, std::int64_t every) {
  Layers pattern;
  for (std::int64_t i = 1; i <= layers; ++i) pattern.push_back(i % every != 0 ? 1 : 0);
  return pattern;
}

/// The number of the first layer without a window, from 1.
std::int64_t first_full(const Layers& windows) {
  return std::find(windows.begin(), windows.end(), 0) - windows.begin() + 1;
}

/// What all models of the class have beside what their configs say.
void fix_function(TransformerConfig& m) {
  m.embedding_multiplier = std::sqrt(static_cast<double>(m.hidden_size));
  m.softmax_scale = 1.0;
  m.qk_layernorm = m.value_norm = m.post_norms = m.layer_scalar = true;
  m.local_spec_only = !m.moe;
  if (!m.moe) return;
  m.moe->router_pre_softmax = false;
  m.moe->router_scaled = m.moe->separate_norms = true;
}

}  // namespace

Gemma4TextConfig::Gemma4TextConfig()
    : DecoderConfig({.vocab_size = 262144,
                     .hidden_size = 2304,
                     .intermediate_size = 9216,
                     .num_hidden_layers = 30,
                     .num_attention_heads = 8,
                     .max_position_embeddings = 131072,
                     .num_key_value_heads = 4,
                     .head_dim = 256,
                     .hidden_act = "gelu_pytorch_tanh",
                     .tie_word_embeddings = true}) {
  rotary.theta = 1e6;
  rotary.local_theta = 1e4;
  rotary.scaling.type = RopeKind::proportional;
  rotary.scaling.partial_rotary_factor = 0.25;
}

void Gemma4TextConfig::bind(ConfigBinding& b) {
  DecoderKeys keys;
  keys.activation = "hidden_activation";
  keys.rotary.per_kind = true;
  b.absent_means("rope_parameters",
                 {{"full_attention",
                   {{"rope_type", "proportional"}, {"partial_rotary_factor", 0.25}, {"rope_theta", 1e6}}},
                  {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 1e4}}}});
  DecoderConfig::bind(b, keys);
  b.check(rotary.scaling.type == RopeKind::proportional, "rope_parameters",
          "unsupported: full_attention with a rope_type other than proportional");
  b.optional("final_logit_softcapping", final_logit_softcapping, b.megatron.final_logit_softcapping);
  bind_attention(b);
  bind_experts(b);
  bind_small(b);
  if (b.to_megatron()) fix_function(b.megatron);
  if (b.to_megatron() && enable_moe_block) b.megatron.bridge_provider = Gemma4ForCausalLM::other_provider;
}

/// modeling_gemma4.py, Gemma4TextAttention: a number of key heads of their own is what layers have whose
/// keys are their values.
void Gemma4TextConfig::bind_attention(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  b.require("attention_bias", false);
  b.optional("use_bidirectional_attention", use_bidirectional_attention);
  b.check(use_bidirectional_attention.value_or("vision") == "vision", "use_bidirectional_attention",
          "unsupported: tokens that see all others, before and behind");
  if (b.reading()) window.layers = every_full(num_hidden_layers, 6);
  window.bind(b, num_hidden_layers);
  b.check(window.sliding_window.has_value(), "sliding_window", "expected 1 or more");
  // Whatever is said of the last layer (Gemma4TextConfig).
  if (b.reading() && !window.layers.empty()) window.layers.back() = 0;
  if (b.from_megatron() && m.full_attention) {
    global_head_dim = m.full_attention->kv_channels;
    attention_k_eq_v = m.full_attention->key_is_value;
    if (attention_k_eq_v) num_global_key_value_heads = m.full_attention->num_query_groups;
  }
  b.boolean("attention_k_eq_v", attention_k_eq_v);
  b.integer("global_head_dim", global_head_dim);
  b.optional("num_global_key_value_heads", num_global_key_value_heads);
  if (b.reading() && b.reader().has(kLayers)) read_layers(b.reader());
  // Without attention_k_eq_v nothing reads it.
  const std::int64_t groups =
      attention_k_eq_v ? num_global_key_value_heads.value_or(num_key_value_heads) : num_key_value_heads;
  b.check(num_global_key_value_heads.has_value() || !attention_k_eq_v, "num_global_key_value_heads",
          "missing: attention_k_eq_v asks for it");
  b.divides("num_global_key_value_heads", groups, "num_attention_heads", num_attention_heads);
  b.check(global_head_dim >= 0 && global_head_dim <= ConfigReader::kLargestSize, "global_head_dim",
          "expected a size, or 0 for head_dim");
  b.fixed(m.full_attention,
          AttentionKind{groups, global_head_dim > 0 ? global_head_dim : head_dim, attention_k_eq_v});
}

/// As transformers 5.24 writes what layers have of their own, in place of the sizes of layers without a
/// window, which it reads.
void Gemma4TextConfig::read_layers(const ConfigReader& json) {
  const ConfigReader layers = json.object(kLayers);
  std::optional<std::int64_t> dim, groups;
  for (std::int64_t i = 0; i < num_hidden_layers; ++i) {
    const std::string layer = std::to_string(i);
    const ConfigReader own = layers.object(layer);
    for (const auto& [key, value] : own.json().items()) {
      if (key != "head_dim" && key != "num_key_value_heads") layers.fail(layer, "unsupported: " + key);
    }
    const bool windowed = window.layers.at(static_cast<std::size_t>(i)) != 0;
    const std::int64_t its_dim = own.positive("head_dim", head_dim),
                       its_groups = own.positive("num_key_value_heads", num_key_value_heads);
    const std::int64_t wanted_dim = windowed ? head_dim : dim.value_or(its_dim),
                       wanted_groups = windowed ? num_key_value_heads : groups.value_or(its_groups);
    if (its_dim != wanted_dim || its_groups != wanted_groups)
      layers.fail(layer, "unsupported: other sizes than those of the layers of its kind");
    if (!windowed) dim = its_dim;
    if (!windowed) groups = its_groups;
  }
  global_head_dim = dim.value_or(head_dim);
  if (!attention_k_eq_v && groups.value_or(num_key_value_heads) != num_key_value_heads)
    json.fail(kLayers, "unsupported: a number of key heads of its own without attention_k_eq_v");
  num_global_key_value_heads = groups;
}

void Gemma4TextConfig::bind_experts(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  if (b.from_megatron() && m.moe) {
    enable_moe_block = true;
    num_experts = m.moe->num_experts;
    top_k_experts = m.moe->router_topk;
    moe_intermediate_size = m.moe->ffn_hidden_size;
    intermediate_size = m.moe->shared_expert_intermediate_size;
  }
  b.boolean("enable_moe_block", enable_moe_block);
  b.optional("num_experts", num_experts);
  b.optional("top_k_experts", top_k_experts);
  b.optional("moe_intermediate_size", moe_intermediate_size);
  if (!enable_moe_block) return;
  const std::int64_t experts = num_experts.value_or(0), chosen = top_k_experts.value_or(0);
  b.check(experts > 0, "num_experts", "expected 1 or more with enable_moe_block");
  b.check(chosen > 0 && chosen <= experts, "top_k_experts", "expected 1 to num_experts");
  b.check(moe_intermediate_size.value_or(0) > 0, "moe_intermediate_size",
          "expected 1 or more with enable_moe_block");
  b.check(window.layers == every_full(num_hidden_layers, first_full(window.layers)), "layer_types",
          "unsupported with experts: other than one full_attention in every so many layers, which is all "
          "that Megatron-Bridge's Gemma4ModelProvider can say (interleaved_attn_pattern)");
  if (!b.to_megatron()) return;
  MoeConfig& moe = moe_config(b);
  moe.num_experts = experts;
  moe.router_topk = chosen;
  moe.ffn_hidden_size = *moe_intermediate_size;
  moe.shared_expert_intermediate_size = intermediate_size;
  moe.router_fp32 = true;  // Gemma4ModelProvider
}

/// What the smallest models have.
void Gemma4TextConfig::bind_small(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  if (b.from_megatron()) {
    hidden_size_per_layer_input = m.layer_embeddings ? m.layer_embeddings->size : 0;
    if (m.layer_embeddings) vocab_size_per_layer_input = m.layer_embeddings->vocab_size;
    num_kv_shared_layers = m.shared_keys ? m.shared_keys->num_layers : 0;
    use_double_wide_mlp = m.shared_keys && m.shared_keys->wide_mlp;
    stored_kv_shared_layers = m.shared_keys && m.shared_keys->stored;
  }
  b.integer("hidden_size_per_layer_input", hidden_size_per_layer_input);
  b.integer("vocab_size_per_layer_input", vocab_size_per_layer_input);
  b.integer("num_kv_shared_layers", num_kv_shared_layers);
  b.boolean("use_double_wide_mlp", use_double_wide_mlp);
  if (!b.writing() || stored_kv_shared_layers) b.boolean(kStored, stored_kv_shared_layers);
  b.check(hidden_size_per_layer_input >= 0 && hidden_size_per_layer_input <= ConfigReader::kLargestSize,
          "hidden_size_per_layer_input", "expected a size, or 0");
  b.check(hidden_size_per_layer_input == 0 || vocab_size_per_layer_input >= vocab_size,
          "vocab_size_per_layer_input", "expected vocab_size or more: every token has an embedding there");
  b.check(num_kv_shared_layers >= 0 && num_kv_shared_layers < num_hidden_layers, "num_kv_shared_layers",
          "expected less than num_hidden_layers");
  const auto unsupported = [&](const char* key, std::int64_t value) {
    b.check(!enable_moe_block || value == 0, key,
            "unsupported with experts: Megatron-Bridge's Gemma4ModelProvider has none");
  };
  unsupported("hidden_size_per_layer_input", hidden_size_per_layer_input);
  unsupported("num_kv_shared_layers", num_kv_shared_layers);
  if (!b.to_megatron()) return;
  if (hidden_size_per_layer_input > 0)
    m.layer_embeddings = LayerEmbeddingConfig{vocab_size_per_layer_input, hidden_size_per_layer_input};
  if (num_kv_shared_layers > 0)
    m.shared_keys = SharedKeysConfig{num_kv_shared_layers, stored_kv_shared_layers, use_double_wide_mlp};
}

/// Whether layers that share keys have projections of them.
nlohmann::json Gemma4ForCausalLM::completed_config(const ConfigReader& config, const TensorSource& tensors) {
  nlohmann::json json = config.json();
  if (!config.has("num_hidden_layers") || !config.has("num_kv_shared_layers") ||
      config.integer("num_kv_shared_layers") < 1)
    return json;
  const std::string last = std::to_string(config.integer("num_hidden_layers") - 1);
  const std::string name = "layers." + last + ".self_attn.k_proj.weight";
  const bool stored =
      std::any_of(tensors.tensors().begin(), tensors.tensors().end(), [&](const StoredTensor& tensor) {
        return tensor.name == name || tensor.name == "model." + name ||
               tensor.name == "language_model." + name || tensor.name == "model.language_model." + name;
      });
  if (stored || config.has(kStored)) json[kStored] = stored;
  return json;
}

Mapping Gemma4ForCausalLM::mapping(const Gemma4TextConfig&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.pre_mlp_norm = "pre_feedforward_layernorm";
  if (!megatron.moe) return decoder_mapping(megatron, names);
  names.pre_mlp_norm = "pre_feedforward_layernorm_2";
  MoeNames moe;
  moe.router = "router.proj.weight";
  moe.storage = ExpertStorage::stacked;
  moe.fc1 = "experts.gate_up_proj";
  moe.fc2 = "experts.down_proj";
  moe.shared_fc1 = "mlp.{gate,up}_proj.weight";
  moe.shared_fc2 = "mlp.down_proj.weight";
  return moe_decoder_mapping(megatron, names, moe);
}

namespace {

/// Gemma4DenseProvider.
void dense_fields(FieldBinding& f, TransformerConfig& m, AttentionKind& full) {
  f.positive("global_kv_channels", full.kv_channels);
  f.positive("num_global_query_groups", full.num_query_groups);
  double local = m.rotary_base_local.value_or(m.rotary_base);
  f.number("sliding_window_rope_base", local);
  f.number("full_attention_rope_base", m.rotary_base);
  f.number("full_attention_rope_partial_factor", m.rope_scaling.partial_rotary_factor);
  m.rotary_base_local = local;
  SharedKeysConfig shared = m.shared_keys.value_or(SharedKeysConfig{});
  LayerEmbeddingConfig embeddings = m.layer_embeddings.value_or(LayerEmbeddingConfig{m.vocab_size, 0});
  f.integer("num_kv_shared_layers", shared.num_layers);
  f.boolean("use_double_wide_mlp", shared.wide_mlp);
  f.integer("per_layer_embed_dim", embeddings.size);
  f.integer("per_layer_embed_vocab_size", embeddings.vocab_size);
  if (shared.num_layers > 0) m.shared_keys = shared;
  if (embeddings.size > 0) m.layer_embeddings = embeddings;
}

/// Gemma4ModelProvider: pairs for what differs between the kinds of layers, the window as HF counts it.
void experts_fields(FieldBinding& f, TransformerConfig& m, AttentionKind& full) {
  f.positive("global_head_dim", full.kv_channels);
  f.positive("num_global_key_value_heads", full.num_query_groups);
  f.number("global_rotary_percent", m.rope_scaling.partial_rotary_factor);
  std::vector<std::int64_t> pattern{first_full(m.window_layers) - 1, 1};
  f.integers("interleaved_attn_pattern", pattern);
  if (!f.reading()) {
    f.constant("rotary_base", {m.rotary_base_local.value_or(m.rotary_base), m.rotary_base});
    f.constant("window_size", m.sliding_window ? nlohmann::json(*m.sliding_window) : nlohmann::json());
    f.constant("moe_router_pre_softmax", true);  // its router divides by the sum
    return;
  }
  if (pattern.size() != 2 || pattern[0] < 0 || pattern[1] != 1)
    f.reader().fail("interleaved_attn_pattern", "expected [sliding, 1]");
  m.window_layers = every_full(m.num_layers, pattern[0] + 1);
}

}  // namespace

void Gemma4ForCausalLM::bridge_fields(FieldBinding& f, TransformerConfig& m) {
  AttentionKind full = m.full_attention.value_or(AttentionKind{m.num_query_groups, m.kv_channels, false});
  if (f.reading()) {
    m.rope_scaling = {};
    m.rope_scaling.type = RopeKind::proportional;
    m.rope_scaling.partial_rotary_factor = 0.25;
  }
  f.boolean("attention_k_eq_v", full.key_is_value);
  // Those of the whole models have the same fields.
  const bool dense = m.bridge_provider.find(".Gemma4Dense") != std::string::npos;
  dense ? dense_fields(f, m, full) : experts_fields(f, m, full);
  if (!f.reading()) return;
  if (!full.key_is_value) full.num_query_groups = m.num_query_groups;
  m.full_attention = full;
  fix_function(m);
}

void Gemma4ForConditionalGeneration::Config::bind(ConfigBinding& b) {
  Base::Config::bind(b);
  if (!b.reading()) return;
  towers.clear();
  for (const char* tower : {"vision", "audio"}) {
    if (b.reader().has(std::string(tower) + "_config")) towers.emplace_back(tower);
  }
}

ProviderNames Gemma4ForConditionalGeneration::provider() {
  const std::string configs = "transformers.models.gemma4.configuration_gemma4.Gemma4";
  ProviderNames names{.fields = {}, .vision_config = configs + "VisionConfig"};
  for (const char* same : {"image_token_id", "video_token_id", "audio_token_id", "bos_token_id",
                           "eos_token_id", "vision_soft_tokens_per_image"})
    names.fields[same] = same;
  names.text_config = configs + "TextConfig";
  names.text_key = "text_config";
  names.audio_config = configs + "AudioConfig";
  return names;
}

/// modeling_gemma4.py, Gemma4Model.
Mapping Gemma4ForConditionalGeneration::mapping(const Config& config, const TransformerConfig&) {
  Mapping map = multimodal_text_mapping(config, names());
  for (const std::string& tower : config.towers) {
    map.carry_rest("model." + tower + "_tower.");
    map.carry_rest("model.embed_" + tower + ".");
  }
  return map;
}

/// Bridge's gemma4_vl_bridge.py.
Mapping Gemma4ForConditionalGeneration::parts(const Config& config, const ConfigReader&) {
  Mapping parts;
  for (const std::string& tower : config.towers) {
    for (const std::string& part : {tower + "_tower.", "embed_" + tower + "."})
      parts.keep_rest("model." + part, part);
  }
  return parts;
}

WholeModel Gemma4ForConditionalGeneration::whole(const Config& config, const ConfigReader& json) {
  if (!json.has("vision_config"))
    json.fail("vision_config",
              "missing: Megatron-Bridge's Gemma4VLModel always sees; --model-type gpt writes the decoder");
  WholeModel model{parts(config, json), provider_fields(json, provider())};
  if (config_to_megatron(config).moe) model.bridge_provider = other_provider;
  return model;
}

}  // namespace mhub::gemma
