// SPDX-License-Identifier: Apache-2.0
#include "gemma.hpp"

#include <algorithm>
#include <cmath>

#include "gemma4.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"
#include "paligemma.hpp"

namespace mhub::gemma {

namespace {

DecoderNames post_norm_names() {
  DecoderNames names;
  names.pre_mlp_norm = "pre_feedforward_layernorm";
  return names;
}

/// A window everywhere but in every so many layers.
Layers window_pattern(std::int64_t layers, std::int64_t every) {
  Layers pattern;
  for (std::int64_t i = 1; i <= layers; ++i) pattern.push_back(i % every != 0);
  return pattern;
}

}  // namespace

GemmaConfig::GemmaConfig()
    : GemmaConfig({.vocab_size = 256000,
                   .hidden_size = 3072,
                   .intermediate_size = 24576,
                   .num_hidden_layers = 28,
                   .num_attention_heads = 16,
                   .max_position_embeddings = 8192,
                   .num_key_value_heads = 16}) {}

GemmaConfig::GemmaConfig(const DecoderConfig& sizes) : DecoderConfig(sizes) {
  head_dim = 256;
  hidden_act = "gelu_pytorch_tanh";
  tie_word_embeddings = true;
}

void GemmaConfig::bind(ConfigBinding& b) {
  bind(b, "hidden_act");
  b.require("hidden_activation", "gelu_pytorch_tanh");
  // The first configs say "gelu"; the model is trained with, and transformers 4 runs, the tanh form.
  if (b.reading() && hidden_act == "gelu") hidden_act = "gelu_pytorch_tanh";
}

void GemmaConfig::bind(ConfigBinding& b, const std::string& activation) {
  DecoderKeys keys;
  keys.activation = activation;
  DecoderConfig::bind(b, keys);
  b.require("attention_bias", false);
  b.require("use_bidirectional_attention", false);
  b.fixed(b.megatron.layernorm_zero_centered_gamma, true);
  b.fixed(b.megatron.embedding_multiplier, std::sqrt(static_cast<double>(hidden_size)));
}

Mapping GemmaForCausalLM::mapping(const GemmaConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

void GemmaForCausalLM::bridge_fields(FieldBinding& f, TransformerConfig& m) {
  if (f.reading()) m.embedding_multiplier = std::sqrt(static_cast<double>(m.hidden_size));
}

Gemma2Config::Gemma2Config()
    : GemmaConfig({.vocab_size = 256000,
                   .hidden_size = 2304,
                   .intermediate_size = 9216,
                   .num_hidden_layers = 26,
                   .num_attention_heads = 8,
                   .max_position_embeddings = 8192,
                   .num_key_value_heads = 4}) {}

void Gemma2Config::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  GemmaConfig::bind(b, "hidden_activation");
  if (b.from_megatron()) {
    query_pre_attn_scalar =
        m.softmax_scale ? std::llround(1.0 / (*m.softmax_scale * *m.softmax_scale)) : m.kv_channels;
  }
  b.positive("query_pre_attn_scalar", query_pre_attn_scalar);
  b.fixed(m.softmax_scale, 1.0 / std::sqrt(static_cast<double>(query_pre_attn_scalar)));
  b.optional("attn_logit_softcapping", attn_logit_softcapping, m.attn_logit_softcapping);
  b.optional("final_logit_softcapping", final_logit_softcapping, m.final_logit_softcapping);
  b.positive("sliding_window_pattern", sliding_window_pattern);
  if (b.reading()) window.layers = window_pattern(num_hidden_layers, sliding_window_pattern);
  window.bind(b, num_hidden_layers);
  b.fixed(m.post_norms, true);
}

Mapping Gemma2ForCausalLM::mapping(const Gemma2Config&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, post_norm_names());
}

void Gemma2ForCausalLM::bridge_fields(FieldBinding& f, TransformerConfig& m) {
  GemmaForCausalLM::bridge_fields(f, m);
  double scalar = m.softmax_scale ? 1.0 / (*m.softmax_scale * *m.softmax_scale) : 256.0;
  f.number("query_pre_attn_scalar", scalar);
  if (!f.reading()) return;
  m.softmax_scale = 1.0 / std::sqrt(scalar);
  m.post_norms = true;
  m.window_layers = window_pattern(m.num_layers, 2);  // Gemma2DotProductAttention
}

Gemma3TextConfig::Gemma3TextConfig() {
  vocab_size = 262208;
  max_position_embeddings = 131072;
  rotary.theta = 1e6;
  rotary.local_theta = 1e4;
  attn_logit_softcapping.reset();
  final_logit_softcapping.reset();
  sliding_window_pattern = 6;
}

void Gemma3TextConfig::bind(ConfigBinding& b) {
  Gemma2Config::bind(b);
  // Kept in config.json, and nothing applies it: modeling_gemma3.py does not give it to attention.
  b.fixed(b.megatron.attn_logit_softcapping, std::nullopt);
  b.fixed(b.megatron.qk_layernorm, true);
}

Mapping Gemma3ForCausalLM::mapping(const Gemma3TextConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, post_norm_names());
}

// Gemma3ModelProvider has pairs for what differs between the kinds of layers, the window as HF counts it, and
// its own name for linear scaling.
void Gemma3ForCausalLM::bridge_fields(FieldBinding& f, TransformerConfig& m) {
  GemmaForCausalLM::bridge_fields(f, m);
  double factor = m.rope_scaling.type == RopeKind::linear ? m.rope_scaling.factor : 1.0;
  f.number("rope_scaling_factor", factor);
  std::vector<std::int64_t> pattern{5, 1};
  const auto global = std::find(m.window_layers.begin(), m.window_layers.end(), 0);
  if (global != m.window_layers.end()) pattern[0] = global - m.window_layers.begin();
  f.integers("interleaved_attn_pattern", pattern);
  if (f.reading()) {
    if (pattern.size() != 2 || pattern[0] < 0 || pattern[1] != 1)
      f.reader().fail("interleaved_attn_pattern", "expected [local, 1]");
    m.post_norms = true;
    m.window_layers = window_pattern(m.num_layers, pattern[0] + 1);
    m.rope_scaling = {};
    if (factor != 1.0) m.rope_scaling.type = RopeKind::linear;
    m.rope_scaling.factor = factor;
  } else {
    f.constant("rotary_base", {m.rotary_base_local.value_or(m.rotary_base), m.rotary_base});
    f.constant("window_size", m.sliding_window ? nlohmann::json(*m.sliding_window) : nlohmann::json());
    f.constant("seq_len_interpolation_factor", nullptr);
  }
}

MultimodalNames Gemma3ForConditionalGeneration::names() {
  return {.others = {"vision_tower.vision_model.", "multi_modal_projector."}};
}

ProviderNames Gemma3ForConditionalGeneration::provider() {
  return {.fields = {{"image_token_id", "image_token_index"},
                     {"vision_start_token_id", "boi_token_index"},
                     {"vision_end_token_id", "eoi_token_index"},
                     {"mm_tokens_per_image", "mm_tokens_per_image"}},
          .vision_config = "transformers.models.siglip.configuration_siglip.SiglipVisionConfig"};
}

/// Bridge's modeling_gemma3_vl.py: the tower is transformers' without a pooling head, so that one stays
/// carried.
Mapping Gemma3ForConditionalGeneration::parts(const Config& config, const ConfigReader& json) {
  const std::string projector = "multi_modal_projector.";
  const std::int64_t in = json.object("vision_config").positive("hidden_size", 768),
                     out = config_to_megatron(config).hidden_size;
  Mapping parts;
  for (const std::string part : {"embeddings.", "encoder.", "post_layernorm."})
    parts.keep_rest("vision_tower.vision_model." + part, "vision_tower." + part);
  parts.rule(projector + "mm_soft_embed_norm.weight",
             replicated(projector + "mm_soft_emb_norm.weight", {in}));
  parts.rule(projector + "proj.weight",
             transposed(column(projector + "mm_input_projection_weight", {out, in})));
  return parts;
}

WholeModel Gemma3ForConditionalGeneration::whole(const Config& config, const ConfigReader& json) {
  const ConfigReader tower = json.object("vision_config");
  WholeModel model = WholeMultimodal::whole(config, json);
  model.provider["vision_config"]["vision_use_head"] = false;
  model.provider["vision_projector_config"] = {
      {"_target_", "megatron.bridge.models.gemma_vl.modeling_gemma3_vl.Gemma3VLMultimodalProjectorConfig"},
      {"input_size", tower.positive("hidden_size", 768)},
      {"hidden_size", config_to_megatron(config).hidden_size},
      {"image_size", tower.positive("image_size", 224)},
      {"patch_dim", tower.positive("patch_size", 16)},
      {"tokens_per_image", json.positive("mm_tokens_per_image", 256)},
      {"layernorm_epsilon", tower.number("layer_norm_eps", 1e-6)}};
  return model;
}

/// modeling_gemma3.py: Gemma3MultiModalProjector; the tokens of a picture see each other in every layer
/// (get_block_sequence_ids_for_mask).
VisionParts Gemma3ForConditionalGeneration::vision(const Config& config, const ConfigReader& json) {
  const std::string projector = "multi_modal_projector.";
  const ConfigReader tower = json.object("vision_config");
  const auto side =
      static_cast<std::int64_t>(std::sqrt(static_cast<double>(json.positive("mm_tokens_per_image", 256))));
  VisionParts parts;
  parts.tower_config = tower.json();
  if (!parts.tower_config.contains("model_type")) parts.tower_config["model_type"] = "siglip_vision_model";
  parts.tower_names = "vision_tower.";
  const std::int64_t width = config_to_megatron(config).hidden_size;
  parts.projector = {AveragePool{side},
                     ProjectorNorm{projector + "mm_soft_emb_norm.", Normalization::rms,
                                   tower.number("layer_norm_eps", 1e-6), true},
                     ProjectorLinear{projector + "mm_input_projection_weight", width, true}};
  parts.image_token = json.integer("image_token_index", json.integer("image_token_id", 262144));
  parts.picture_at_once = true;
  parts.processor_class = "Gemma3Processor";
  parts.image_processor_type = "Gemma3ImageProcessor";
  return parts;
}

}  // namespace mhub::gemma

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "gemma";
  registrar.about = "Gemma 1 to 4, PaliGemma 1 and 2";
  registrar.add<mhub::gemma::GemmaForCausalLM>();
  registrar.add<mhub::gemma::Gemma2ForCausalLM>();
  registrar.add<mhub::gemma::Gemma3ForCausalLM>();
  registrar.add<mhub::gemma::Gemma3ForConditionalGeneration>();
  registrar.add<mhub::gemma::Gemma4ForCausalLM>();
  registrar.add<mhub::gemma::Gemma4ForConditionalGeneration>();
  registrar.add<mhub::gemma::PaliGemmaForConditionalGeneration>();
}
