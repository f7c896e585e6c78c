#include "mhub/model/run_config.hpp"

#include <array>

#include <yaml-cpp/yaml.h>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

/// A Python object by name, as Bridge's yaml_utils writes functions and dtypes.
struct Reference {
  std::string target;
};

YAML::Emitter& operator<<(YAML::Emitter& out, const Reference& reference) {
  return out << YAML::BeginMap << YAML::Key << "_target_" << YAML::Value << reference.target << YAML::Key
             << "_call_" << YAML::Value << false << YAML::EndMap;
}

std::string activation_target(const std::string& name) {
  struct Known {
    const char *name, *target;
  };
  constexpr std::array<Known, 7> kKnown{{{"silu", "torch.nn.functional.silu"},
                                         {"gelu", "torch.nn.functional.gelu"},
                                         {"gelu_new", "megatron.core.activations.fast_gelu"},
                                         {"gelu_pytorch_tanh", "megatron.core.activations.fast_gelu"},
                                         {"gelu_fast", "megatron.core.activations.fast_gelu"},
                                         {"relu2", "megatron.core.activations.squared_relu"},
                                         {"quick_gelu", "megatron.core.activations.quick_gelu"}}};
  for (const Known& known : kKnown) {
    if (name == known.name) return known.target;
  }
  throw InputError("unsupported: activation \"" + name + "\" (no Megatron function for it)");
}

template <typename T>
void field(YAML::Emitter& out, const char* key, const T& value) {
  out << YAML::Key << key << YAML::Value << value;
}

void emit_model(YAML::Emitter& out, const TransformerConfig& c, const MegatronTarget& t) {
  const Reference dtype{"torch." + std::string(torch_name(t.dtype))};
  field(out, "_target_", "megatron.bridge.models.gpt_provider.GPTModelProvider");
  field(out, "num_layers", c.num_layers);
  field(out, "hidden_size", c.hidden_size);
  field(out, "ffn_hidden_size", c.ffn_hidden_size);
  field(out, "num_attention_heads", c.num_attention_heads);
  field(out, "num_query_groups", c.num_query_groups);
  field(out, "kv_channels", c.kv_channels);
  field(out, "seq_length", c.max_position_embeddings);
  // The true size: Bridge pads it itself, for the tensor-parallel size that it loads with, and cuts the
  // padding off on export only when it knows the true one (model_bridge.py,
  // maybe_modify_converted_hf_weight).
  field(out, "vocab_size", c.vocab_size);
  field(out, "make_vocab_size_divisible_by", t.vocab_divisible_by);
  field(out, "should_pad_vocab", t.padded_vocab_size != c.vocab_size);
  field(out, "share_embeddings_and_output_weights", c.share_embeddings_and_output_weights);
  const auto yarn = megatron_yarn(c);
  field(out, "position_embedding_type", yarn ? std::string("yarn") : c.position_embedding_type);
  if (yarn) {
    field(out, "yarn_rotary_scaling_factor", yarn->factor);
    field(out, "yarn_original_max_position_embeddings", yarn->original_max_position_embeddings);
    field(out, "yarn_beta_fast", yarn->beta_fast);
    field(out, "yarn_beta_slow", yarn->beta_slow);
    field(out, "yarn_mscale", yarn->mscale);
    field(out, "yarn_mscale_all_dim", yarn->mscale_all_dim);
    field(out, "yarn_correction_range_round_to_int", yarn->round_to_int);
  }
  field(out, "rotary_base", c.rotary_base);
  field(out, "rotary_percent", c.rotary_percent);
  field(out, "rotary_interleaved", c.rotary_interleaved);
  field(out, "rope_scaling", c.rope_scaling.type == "llama3");
  if (c.rope_scaling.type == "llama3") field(out, "rope_scaling_factor", c.rope_scaling.factor);
  if (c.rope_scaling.type == "linear") field(out, "seq_len_interpolation_factor", c.rope_scaling.factor);
  field(out, "normalization", c.normalization);
  field(out, "layernorm_epsilon", c.layernorm_epsilon);
  field(out, "layernorm_zero_centered_gamma", c.layernorm_zero_centered_gamma);
  field(out, "gated_linear_unit", c.gated_linear_unit);
  field(out, "activation_func", Reference{activation_target(c.activation)});
  field(out, "add_bias_linear", c.add_bias_linear);
  field(out, "add_qkv_bias", c.add_qkv_bias);
  field(out, "qk_layernorm", c.qk_layernorm);
  if (c.sliding_window) {
    out << YAML::Key << "window_size" << YAML::Value << YAML::Flow << YAML::BeginSeq << *c.sliding_window - 1
        << 0 << YAML::EndSeq;
  }
  field(out, "attention_dropout", c.attention_dropout);
  field(out, "hidden_dropout", c.hidden_dropout);
  field(out, "init_method_std", c.init_method_std);
  field(out, "tensor_model_parallel_size", t.sizes.tensor);
  field(out, "pipeline_model_parallel_size", t.sizes.pipeline);
  field(out, "bf16", t.dtype == DType::bf16);
  field(out, "fp16", t.dtype == DType::f16);
  field(out, "params_dtype", dtype);
  field(out, "pipeline_dtype", dtype);
  field(out, "autocast_dtype", dtype);
}

}  // namespace

std::string bridge_run_config(const TransformerConfig& config, const MegatronTarget& target) {
  YAML::Emitter out;
  out.SetDoublePrecision(17);
  out << YAML::BeginMap;
  field(out, "_target_", "megatron.bridge.training.config.ConfigContainer");
  out << YAML::Key << "checkpoint" << YAML::Value << YAML::BeginMap;
  field(out, "_target_", "megatron.bridge.training.config.CheckpointConfig");
  field(out, "ckpt_format", target.format);
  field(out, "save_optim", false);
  field(out, "save_rng", false);
  out << YAML::EndMap << YAML::Key << "model" << YAML::Value << YAML::BeginMap;
  emit_model(out, config, target);
  out << YAML::EndMap << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace mhub
