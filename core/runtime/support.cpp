// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/support.hpp"

#include "mhub/base/error.hpp"
#include "mhub/config/fields.hpp"
#include "mhub/config/heterogeneous.hpp"
#include "mhub/runtime/layer_plan.hpp"
#include "mhub/runtime/rotary.hpp"

namespace mhub::runtime {
namespace {

/// Collects what the checks of one configuration need.
class Check {
 public:
  explicit Check(const std::string& source) : source_(source) {}

  void positive(const char* field, std::int64_t value) const {
    if (value < 1 || value > ConfigReader::kLargestSize)
      fail(field, std::to_string(value), ConfigReader::kSizeText);
  }
  [[noreturn]] void absent(const std::string& field) const {
    throw InputError(source_ + ": generation does not support " + field + " yet");
  }
  void that(bool condition, const std::string& field, const std::string& found,
            const std::string& expected) const {
    if (!condition) fail(field, found, expected);
  }

 private:
  [[noreturn]] void fail(const std::string& field, const std::string& found,
                         const std::string& expected) const {
    throw InputError(source_ + ": generation does not support " + field + " = " + found + "; expected " +
                     expected);
  }

  const std::string& source_;
};

void check_rotary(const TransformerConfig& config, const Check& check) {
  const RopeScaling& scaling = config.rope_scaling;
  const std::int64_t rotated = rotary_dim(config);
  check.that(rotated >= 2 && rotated % 2 == 0, "rotary dimensions", std::to_string(rotated),
             "an even number");
  check.that(scaling.type != RopeKind::llama3 || scaling.high_freq_factor >= scaling.low_freq_factor,
             "rope_scaling.high_freq_factor", std::to_string(scaling.high_freq_factor),
             "at least low_freq_factor");
  if (scaling.type == RopeKind::longrope) {
    const auto frequencies = static_cast<std::size_t>(rotated / 2);
    for (const auto* factors : {&scaling.short_factor, &scaling.long_factor})
      check.that(factors->size() == frequencies, "longrope factors",
                 std::to_string(factors->size()) + " numbers",
                 "one for each of " + std::to_string(frequencies) + " frequencies");
  }
  check.that(scaling.type != RopeKind::dynamic || rotated > 2, "rotary dimensions", std::to_string(rotated),
             "more than 2 with dynamic scaling");
}

void check_attention(const TransformerConfig& config, const Check& check) {
  if (config.full_attention) {
    const TransformerConfig full = with_attention_of(config, false);
    if (config.mla || config.heterogeneous)
      check.absent("two kinds of attention among latent or sized layers");
    if (full.position_embedding_type == PositionEmbedding::rope) check_rotary(full, check);
    check_attention(full, check);
  }
  if (config.shared_keys) {
    if (config.mla || config.heterogeneous || config.linear_attention || !config.hybrid_layer_pattern.empty())
      check.absent("shared keys among latent, sized, linear or hybrid layers");
    for (std::int64_t layer = 0; layer < config.num_layers; ++layer) layer_with_keys_of(config, layer);
  }
  if (config.value_channels.value_or(config.kv_channels) != config.kv_channels &&
      (config.attention_output_gate || config.key_is_value || config.shared_keys))
    check.absent("value_channels with an output gate, keys as values or shared keys");
  check.that(!config.layer_embeddings || config.layer_embeddings->vocab_size >= config.vocab_size,
             "layer_embeddings.vocab_size",
             std::to_string(config.layer_embeddings ? config.layer_embeddings->vocab_size : 0),
             "as many tokens as the model has");
  check.that(!config.qk_layernorm_per_head || !config.qk_layernorm_over_heads, "qk_layernorm_per_head",
             "true", "one of it and qk_layernorm_over_heads");
  check.that(config.num_attention_heads % config.num_query_groups == 0, "num_query_groups",
             std::to_string(config.num_query_groups), "a divisor of num_attention_heads");
  if (config.attention_temperature)
    check.that(config.attention_temperature->first_position == 0 ||
                   config.attention_temperature->first_position == 1,
               "attention_temperature.first_position",
               std::to_string(config.attention_temperature->first_position), "0 or 1");
}

void check_latent_attention(const TransformerConfig& config, const Check& check) {
  check.positive("num_query_groups", config.num_query_groups);
  check.positive("kv_channels", config.kv_channels);
  check.that(config.position_embedding_type == PositionEmbedding::rope,
             "position_embedding_type with latent attention", name_of(config.position_embedding_type),
             "rope");
  if (config.qk_l2_norm) check.absent("qk_l2_norm with latent attention");
  if (config.attention_temperature) check.absent("attention_temperature with latent attention");
  if (config.attention_output_gate) check.absent("attention_output_gate with latent attention");
}

void check_linear_attention(const TransformerConfig& config, const Check& check) {
  const LinearAttentionConfig& linear = *config.linear_attention;
  check.that(linear.num_value_heads % linear.num_key_heads == 0, "linear_num_key_heads",
             std::to_string(linear.num_key_heads), "a divisor of linear_num_value_heads");
  check.that(static_cast<std::int64_t>(linear.layer_freq.size()) == config.num_layers,
             "linear_attention_freq", std::to_string(linear.layer_freq.size()) + " entries",
             "one for each layer");
  check.that(function_of(config.activation) == ActivationFunction::silu, "activation with linear attention",
             name_of(config.activation), "silu");
  check.that(config.normalization == Normalization::rms, "normalization with linear attention",
             name_of(config.normalization), "RMSNorm");
}

void check_mamba(const TransformerConfig& config, const Check& check) {
  const MambaConfig& mamba = *config.mamba;
  check.positive("mamba_num_heads * mamba_head_dim", mamba.num_heads * mamba.head_dim);
  check.positive("mamba_num_groups * mamba_state_dim", mamba.num_groups * mamba.state_dim);
  check.that(mamba.num_heads % mamba.num_groups == 0, "mamba_num_groups", std::to_string(mamba.num_groups),
             "a divisor of mamba_num_heads");
  if (config.hybrid_layer_pattern.empty()) check.absent("Mamba layers without a hybrid_layer_pattern");
}

void check_hybrid(const TransformerConfig& config, const Check& check) {
  const std::string& pattern = config.hybrid_layer_pattern;
  const std::string symbols = layer_symbols(config);
  check.that(symbols.find_first_not_of("M*-E") == std::string::npos, "hybrid_layer_pattern", pattern,
             "M * - E for Mamba, attention, MLP, experts");
  check.that(static_cast<std::int64_t>(symbols.size()) == config.num_layers, "hybrid_layer_pattern", pattern,
             "one symbol for each of " + std::to_string(config.num_layers) + " layers");
  check.that(config.mamba || symbols.find('M') == std::string::npos, "hybrid_layer_pattern", pattern,
             "no M without the sizes of a Mamba mixer");
  check.that(config.moe || symbols.find('E') == std::string::npos, "hybrid_layer_pattern", pattern,
             "no E without a number of experts");
  if (config.linear_attention) check.absent("linear attention with a hybrid_layer_pattern");
  if (config.parallel_residual) check.absent("parallel_residual with a hybrid_layer_pattern");
}

void check_heterogeneous(const TransformerConfig& config, const Check& check) {
  const auto check_sizes = [&](const char* field, const std::vector<std::int64_t>& sizes) {
    for (const std::int64_t size : sizes)
      if (size != kNoBlock && size != kLinearBlock) check.positive(field, size);
  };
  check_sizes("heterogeneous.num_query_groups", config.heterogeneous->num_query_groups);
  check_sizes("heterogeneous.ffn_hidden_size", config.heterogeneous->ffn_hidden_size);
  for (const std::int64_t groups : config.heterogeneous->num_query_groups)
    check.that(groups < 1 || config.num_attention_heads % groups == 0, "heterogeneous.num_query_groups",
               std::to_string(groups), "a divisor of num_attention_heads");
  if (config.moe || config.mla || config.linear_attention || !config.hybrid_layer_pattern.empty())
    check.absent("layers of several sizes with experts or with another attention");
  if (config.parallel_residual || config.post_norms)
    check.absent("layers of several sizes with parallel_residual or post_norms");
}

void check_moe(const TransformerConfig& config, const Check& check) {
  const MoeConfig& moe = *config.moe;
  check.that(moe.router_topk <= moe.num_experts, "moe_router_topk", std::to_string(moe.router_topk),
             "at most the number of experts");
  check.that(!moe.shared_expert_gate || moe.shared_expert_intermediate_size > 0, "shared_expert_gate", "true",
             "a shared expert");
  check.that(!moe.separate_norms || (moe.shared_expert_intermediate_size > 0 && !moe.shared_expert_gate),
             "moe_separate_norms", "true", "a shared expert without a gate");
  if (config.post_norms && !moe.separate_norms) check.absent("post_norms with experts");
  if (moe.router_num_groups == 0) return;
  const std::int64_t groups = moe.router_num_groups, kept = moe.router_group_topk;
  check.that(groups > 0 && moe.num_experts % groups == 0, "moe_router_num_groups", std::to_string(groups),
             "a divisor of the number of experts");
  const std::int64_t size = moe.num_experts / groups, best = moe.router_group_score_topk;
  check.that(kept > 0 && kept <= groups && moe.router_topk <= kept * size, "moe_router_group_topk",
             std::to_string(kept), "at most the number of groups, with moe_router_topk experts in them");
  check.that(best > 0 && best <= size, "the experts that a group counts by", std::to_string(best),
             "1 to " + std::to_string(size));
}

/// A model that uses a field which generation does not honour (Field::runs) is refused, whatever field comes
/// new.
void check_known(const TransformerConfig& config, const Check& check) {
  if (config.image || config.vision) check.absent("images");
  TransformerConfig known = config;
  for (const Field& field : fields()) {
    if (!field.runs) reset(field, known);
  }
  for (const std::string& field : differing_fields(config, known)) check.absent(field);
}

void check_mlp(const TransformerConfig& config, const Check& check) {
  check.that(!config.activation_clamp || config.gated_linear_unit,
             "activation_func_clamp_value without a gate",
             std::to_string(config.activation_clamp.value_or(0)), "none");
  check.that(config.glu_linear_offset == 0 || config.gated_linear_unit, "glu_linear_offset without a gate",
             std::to_string(config.glu_linear_offset), "0");
  check.that(config.activation != ActivationFunction::xielu || (!config.gated_linear_unit && !config.moe),
             "activation xielu", "a gate or experts", "an MLP with neither");
}

}  // namespace

ActivationKind activation_kind(ActivationFunction activation, const std::string& source) {
  switch (function_of(activation)) {
    case ActivationFunction::silu: return ActivationKind::silu;
    case ActivationFunction::gelu: return ActivationKind::gelu;
    case ActivationFunction::gelu_pytorch_tanh: return ActivationKind::gelu_tanh;
    case ActivationFunction::quick_gelu: return ActivationKind::quick_gelu;
    case ActivationFunction::relu: return ActivationKind::relu;
    case ActivationFunction::relu2: return ActivationKind::relu_squared;
    case ActivationFunction::linear: return ActivationKind::identity;
    case ActivationFunction::xielu: return ActivationKind::xielu;
    default: throw InputError(source + ": generation does not support activation = " + name_of(activation));
  }
}

void require_supported(const TransformerConfig& config, const std::string& source) {
  const Check check(source);
  check_known(config, check);
  check_ranges(config, [&](const std::string& field, const std::string& found, const std::string& expected) {
    check.that(false, field, found, expected);
  });
  if (config.position_embedding_type == PositionEmbedding::rope) check_rotary(config, check);
  activation_kind(config.activation, source);
  check_mlp(config, check);
  if (config.mla) check_latent_attention(config, check);
  check_attention(config, check);
  if (config.linear_attention) check_linear_attention(config, check);
  if (config.heterogeneous) check_heterogeneous(config, check);
  if (config.mamba) check_mamba(config, check);
  if (!config.hybrid_layer_pattern.empty()) check_hybrid(config, check);
  if (config.moe) check_moe(config, check);
  // The length of a row would have to count its bias in or not; no model says which.
  check.that(!config.normalized_output_layer || !config.output_layer_bias,
             "normalized_output_layer with a bias", "true", "no bias");
}

}  // namespace mhub::runtime
