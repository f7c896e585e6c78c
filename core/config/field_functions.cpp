// SPDX-License-Identifier: Apache-2.0
// Fields that descriptions of a model state in a form of their own; flags and limits of Megatron-LM that
// several fields make together, or that are worded after their values.
#include <algorithm>
#include <array>
#include <cmath>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/config/fields.hpp"

namespace mhub {
namespace {

/// A Python object by name, as Bridge's yaml_utils writes functions.
nlohmann::json reference(const std::string& target) { return {{"_target_", target}, {"_call_", false}}; }

/// Functions as function_of gives them.
constexpr std::array<std::pair<ActivationFunction, std::string_view>, 6> kFunctions{
    {{ActivationFunction::silu, "torch.nn.functional.silu"},
     // Of the fork that trained Apertus; nothing that was released has it, so Bridge fails to load such a
     // model.
     {ActivationFunction::xielu, "megatron.training.activations.XIELU"},
     {ActivationFunction::gelu, "torch.nn.functional.gelu"},
     {ActivationFunction::gelu_pytorch_tanh, "megatron.core.activations.fast_gelu"},
     {ActivationFunction::relu2, "megatron.core.activations.squared_relu"},
     {ActivationFunction::quick_gelu, "megatron.core.activations.quick_gelu"}}};

void bind_function(FieldBinding& f, TransformerConfig& c) {
  constexpr const char* kKey = "activation_func";
  if (!f.reading()) {
    for (const auto& [activation, target] : kFunctions) {
      if (activation == function_of(c.activation)) return f.constant(kKey, reference(std::string(target)));
    }
    throw InputError("unsupported: activation \"" + name_of(c.activation) +
                     "\" (no Megatron function for it)");
  }
  const std::string stated = f.reader().object(kKey).string("_target_", "torch.nn.functional.gelu");
  // Only the function's own name counts: it moves between modules (torch._C._nn.gelu,
  // megatron.core.utils...).
  const auto own = [](std::string_view target) { return target.substr(target.rfind('.') + 1); };
  const auto at = std::find_if(kFunctions.begin(), kFunctions.end(),
                               [&](const auto& one) { return own(one.second) == own(stated); });
  if (at == kFunctions.end()) f.reader().fail(kKey, "unsupported: " + stated);
  c.activation = at->first;
  // The fusion of GELU with biases, or with a gate, is the tanh form (mlp.py; fusions/fused_bias_gelu.py,
  // fused_bias_geglu.py).
  const bool gated = f.reader().boolean("gated_linear_unit", false);
  if (c.activation == ActivationFunction::gelu && f.reader().boolean("bias_activation_fusion", false) &&
      (gated || c.add_bias_linear))
    c.activation = ActivationFunction::gelu_pytorch_tanh;
}

}  // namespace

void bind_moe(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  const char* key = dialect == Dialect::args ? "num_experts" : "num_moe_experts";
  if (f.reading() && f.reader().has(key)) c.moe.emplace();
  if (!c.moe) return f.constant(key, nullptr);
  f.constant("moe_grouped_gemm", true);
}

void bind_latent_attention(FieldBinding& f, TransformerConfig& c, Dialect) {
  bool enabled = c.mla.has_value();
  f.boolean("multi_latent_attention", enabled);
  if (enabled && !c.mla) c.mla.emplace();
}

void bind_sparse_attention(FieldBinding& f, TransformerConfig& c, Dialect) {
  constexpr const char *kKey = "experimental_attention_variant", *kKind = "dsa";
  constexpr const char* kNew = "dsa_indexer_rope_interleaved";
  if (f.reading() && c.mla && f.reader().string(kKey, "") == kKind) {
    // dsa.py, _apply_rope
    if (!f.reader().has(kNew))
      f.reader().fail(
          kNew,
          "missing: megatron-core before 0.19 has no such setting, and an indexer that rotates the "
          "last dimensions of a head, which no Hugging Face model does");
    c.sparse_attention.emplace();
  }
  if (!c.sparse_attention) return;
  f.constant(kKey, kKind);
  f.constant("dsa_indexer_rotate_activation", false);
}

void add_sparse_attention_flags(Lines& flags, const TransformerConfig&) {
  flags.emplace_back("--experimental-attention-variant dsa");
  // A Hadamard rotation of the indexer's queries and keys, for FP8 alone: their products stay what they are.
  // It is the default, and needs bfloat16 and fast_hadamard_transform.
  flags.emplace_back("--no-dsa-indexer-rotate-activation");
}

void bind_linear_attention(FieldBinding& f, TransformerConfig& c, Dialect) {
  constexpr const char *kKey = "experimental_attention_variant", *kKind = "gated_delta_net";
  // Without the variant nothing looks at the other settings.
  if (f.reading() && f.reader().has("linear_attention_freq") && f.reader().string(kKey, "") == kKind)
    c.linear_attention.emplace();
  if (c.linear_attention) f.constant(kKey, kKind);
}

void bind_mamba(FieldBinding& f, TransformerConfig& c, Dialect) {
  // Megatron-LM's sizes of a mixer have values in every checkpoint.
  if (f.reading() && f.reader().has("mamba_state_dim") &&
      f.reader().string("hybrid_layer_pattern", "").find('M') != std::string::npos)
    c.mamba.emplace();
}

void bind_query_groups(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  if (c.mla) c.num_query_groups = c.num_attention_heads;  // each head has its own keys and values
  bool grouped = dialect != Dialect::args || c.num_query_groups != c.num_attention_heads;
  if (dialect == Dialect::args) {
    f.boolean("group_query_attention", grouped);
    f.constant("apply_query_key_layer_scaling", false);
  }
  if (f.reading()) c.num_query_groups = c.num_attention_heads;
  if (f.reading() && c.mla) return;
  if (grouped || (!f.reading() && dialect == Dialect::args))
    f.positive("num_query_groups", c.num_query_groups);
}

void bind_vocabulary(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  // The true size in run_config.yaml: Bridge pads it itself, for the tensor-parallel size that it loads with,
  // and cuts the padding off on export only when it knows the true one (model_bridge.py,
  // maybe_modify_converted_hf_weight).
  if (dialect == Dialect::run_config) return f.positive("vocab_size", c.vocab_size);
  if (c.image) return;
  // Megatron-LM's vocab_size is the one "before EOD or padding" (arguments.py), so it may be too small; the
  // padded one never loses a row. The true one is recorded under a name of its own.
  if (f.reading()) f.positive("vocab_size", c.vocab_size);
  if (f.reading()) f.positive("padded_vocab_size", c.vocab_size);
  f.constant("vocab_size", c.vocab_size);
  f.positive("hf_vocab_size", c.vocab_size);
}

void bind_epsilon(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  // The argument is norm_epsilon; TransformerConfig's name for it appears in newer checkpoints.
  f.number("layernorm_epsilon", c.layernorm_epsilon);
  if (dialect == Dialect::args) f.number("norm_epsilon", c.layernorm_epsilon);
}

void bind_biases(FieldBinding& f, TransformerConfig& c, Dialect) {
  if (f.reading()) c.add_bias_linear = !f.reader().boolean("disable_bias_linear", false);  // an older name
  f.boolean("add_bias_linear", c.add_bias_linear);
}

void bind_window(FieldBinding& f, TransformerConfig& c, Dialect) {
  // HF counts the tokens that a query sees, itself included; Megatron counts those to its left.
  if (f.reading() && f.reader().has("window_size")) {
    const auto& window = f.reader().json().at("window_size");
    const bool pair = window.is_array() && window.size() == 2 && window[0].is_number_integer();
    if (!pair && !window.is_number_integer())
      f.reader().fail("window_size", "expected two integers, found " + json_text(window));
    if (!pair) c.sliding_window = window.get<std::int64_t>();
    if (pair && window[0].get<std::int64_t>() >= 0) c.sliding_window = window[0].get<std::int64_t>() + 1;
  } else {
    f.constant("window_size", c.sliding_window ? nlohmann::json{*c.sliding_window - 1, 0} : nlohmann::json());
  }
}

void bind_activation(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  if (dialect == Dialect::run_config) return bind_function(f, c);
  const ActivationFunction function = function_of(c.activation);
  bool swiglu = c.gated_linear_unit && function == ActivationFunction::silu,
       squared_relu = function == ActivationFunction::relu2,
       quick_geglu = c.gated_linear_unit && function == ActivationFunction::quick_gelu,
       openai_gelu = function == ActivationFunction::gelu_pytorch_tanh;
  f.boolean("swiglu", swiglu);
  f.boolean("squared_relu", squared_relu);
  f.boolean("quick_geglu", quick_geglu);
  f.boolean("openai_gelu", openai_gelu);
  if (f.reading()) {
    // Megatron-LM's fused bias + GELU is the tanh form (megatron/core/fusions/fused_bias_gelu.py), and the
    // only way to it: core_transformer_config_from_args does not look at openai_gelu.
    bool fused = openai_gelu;
    f.boolean("bias_gelu_fusion", fused);
    c.gated_linear_unit = swiglu || quick_geglu;
    c.activation = swiglu                       ? ActivationFunction::silu
                   : squared_relu               ? ActivationFunction::relu2
                   : quick_geglu                ? ActivationFunction::quick_gelu
                   : fused && c.add_bias_linear ? ActivationFunction::gelu_pytorch_tanh
                                                : ActivationFunction::gelu;
  }
  // Gated functions other than those have no flag.
  f.boolean("hf_gated_linear_unit", c.gated_linear_unit);
  f.choice("hf_activation", c.activation);
}

bool has_multipliers(const TransformerConfig& c) {
  return c.embedding_multiplier != 1.0 || c.logits_multiplier != 1.0 || (c.softmax_scale && !c.mla);
}

void bind_multipliers(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  // Bridge's own classes multiply on their own account; that of any HybridModel has the settings.
  if (dialect == Dialect::run_config && c.bridge_provider != TransformerConfig().bridge_provider &&
      !c.bridge_provider.ends_with(".HybridModelProvider"))
    return;
  const auto heads = static_cast<double>(c.kv_channels);
  bool enabled = has_multipliers(c);
  if (!f.reading() && !enabled) return;
  f.boolean("use_mup", enabled);
  if (!enabled) return;
  std::optional<double> base;
  if (!f.reading())
    base = c.softmax_scale && !c.mla ? *c.softmax_scale * *c.softmax_scale * heads * heads : heads;
  double power = 1.0;
  f.number("mup_embedding_mult", c.embedding_multiplier);
  f.number("mup_output_mult", c.logits_multiplier);
  f.optional("mup_base_head_dim", base);
  f.number("mup_attn_scale_power", power);
  if (!f.reading()) return;
  std::int64_t base_hidden = c.hidden_size;
  f.positive("mup_base_hidden_size", base_hidden);
  if (c.logits_multiplier == 1.0 && c.hidden_size > 0)
    c.logits_multiplier = static_cast<double>(base_hidden) / static_cast<double>(c.hidden_size);
  const double scale = std::sqrt(base.value_or(1.0)) / std::pow(heads, power);
  if (!c.softmax_scale && !c.mla && std::abs(scale * std::sqrt(heads) - 1.0) > 1e-9) c.softmax_scale = scale;
}

void bind_moe_layers(FieldBinding& f, TransformerConfig& c, Dialect) {
  // The integer 1 is the default, which keeps stacked keys.
  constexpr const char* kKey = "moe_layer_freq";
  std::vector<std::int64_t>& list = c.moe->layer_freq;
  if (!f.reading()) return f.constant(kKey, list.empty() ? nlohmann::json(1) : nlohmann::json(list));
  read_layers(
      f, kKey, c.num_layers,
      [](std::int64_t i, std::int64_t every) -> std::int64_t { return i % every == 0 ? 1 : 0; }, list);
  if (f.reader().has(kKey) && f.reader().json().at(kKey) == 1) list.clear();
}

void bind_group_score(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  // Megatron-Core has no setting for it.
  MoeConfig& moe = *c.moe;
  const std::int64_t per_group = moe.router_group_topk > 0 ? moe.router_topk / moe.router_group_topk : 0;
  if (f.reading()) moe.router_group_score_topk = per_group;
  if (dialect == Dialect::args && (f.reading() || moe.router_group_score_topk != per_group))
    f.integer("hf_moe_router_group_score_topk", moe.router_group_score_topk);
}

void bind_router_dtype(FieldBinding& f, TransformerConfig& c, Dialect) {
  std::string dtype = c.moe->router_fp32 ? "fp32" : "";
  if (f.reading() || c.moe->router_fp32) f.text("moe_router_dtype", dtype);
  c.moe->router_fp32 = !dtype.empty();
}

bool corrects_softmax(const TransformerConfig& c) {
  return c.moe->router_score_function == RouterScore::softmax && c.moe->router_enable_expert_bias;
}

void bind_router_score(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  // Megatron-Core refuses to correct a softmax (transformer_config.py), and Megatron-Bridge builds ERNIE with
  // a sigmoid for it (ernie_45_bridge.py). So that Megatron can be built at all it is told the same.
  RouterScore& score = c.moe->router_score_function;
  const bool corrected = !f.reading() && corrects_softmax(c);
  RouterScore stated = corrected ? RouterScore::sigmoid : score;
  f.choice("moe_router_score_function", stated);
  if (f.reading()) score = stated;
  if (dialect == Dialect::args && (f.reading() || corrected)) f.choice("hf_moe_router_score_function", score);
}

void bind_aux_loss(FieldBinding& f, TransformerConfig& c, Dialect) {
  // Megatron-Bridge keeps a list for several losses.
  constexpr const char* kKey = "moe_aux_loss_coeff";
  if (c.moe && (!f.reading() || (f.reader().has(kKey) && f.reader().json().at(kKey).is_number())))
    f.number(kKey, c.training.moe_aux_loss_coeff);
}

void bind_tied_embeddings(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  bool& tied = c.share_embeddings_and_output_weights;
  if (dialect == Dialect::run_config) {
    if (f.reading()) tied = true;  // the default of Bridge's GPTModelProvider
    return f.boolean("share_embeddings_and_output_weights", tied);
  }
  bool untied = !tied;
  f.boolean("untie_embeddings_and_output_weights", untied);
  tied = !untied;
}

ActivationFunction function_of(ActivationFunction activation) {
  switch (activation) {
    case ActivationFunction::swish: return ActivationFunction::silu;
    case ActivationFunction::gelu_python: return ActivationFunction::gelu;
    case ActivationFunction::gelu_new:
    case ActivationFunction::gelu_fast:
    case ActivationFunction::gelu_python_tanh:
    case ActivationFunction::gelu_accurate: return ActivationFunction::gelu_pytorch_tanh;
    default: return activation;
  }
}

std::vector<std::int64_t> list_meaning(const std::vector<std::int64_t>& list, std::int64_t everywhere) {
  const bool plain = std::all_of(list.begin(), list.end(), [&](std::int64_t v) { return v == everywhere; });
  return plain ? std::vector<std::int64_t>{} : list;
}

bool has_temperature(const TransformerConfig& c) {
  return c.attention_temperature &&
         (c.attention_temperature->everywhere || !list_meaning(c.no_rope_layers, 0).empty());
}

void add_window_flag(Lines& flags, const TransformerConfig& c) {
  if (c.sliding_window) flags.push_back("--window-size " + std::to_string(*c.sliding_window - 1) + ",0");
}

void add_gelu_flag(Lines& flags, const TransformerConfig& c) {
  // With biases Megatron-LM fuses them with GELU, and the fusion is the tanh form.
  if (!c.gated_linear_unit && function_of(c.activation) == ActivationFunction::gelu && c.add_bias_linear)
    flags.emplace_back("--no-bias-gelu-fusion");
}

void add_gate_flag(Lines& flags, const TransformerConfig& c) {
  if (c.gated_linear_unit && c.activation == ActivationFunction::quick_gelu)
    flags.emplace_back("--quick-geglu");
}

void add_multiplier_flags(Lines& flags, const TransformerConfig& c) {
  if (!has_multipliers(c)) return;
  FieldBinding fields;
  TransformerConfig copy = c;
  bind_multipliers(fields, copy, Dialect::args);
  flags.emplace_back("--use-mup");
  for (const char* key : {"mup_embedding_mult", "mup_output_mult", "mup_base_head_dim"}) {
    std::string option = std::string("--") + key;
    std::replace(option.begin(), option.end(), '_', '-');
    flags.push_back(option + " " + shortest(fields.written().at(key).get<double>()));
  }
}

bool activation_needs_spec(const TransformerConfig& c) {
  const ActivationFunction function = function_of(c.activation);
  if (!c.gated_linear_unit) return function == ActivationFunction::xielu;
  return function != ActivationFunction::silu && function != ActivationFunction::quick_gelu;
}

bool temperature_needs_spec(const TransformerConfig& c) {
  return !c.attention_temperature->everywhere && !c.no_rope_layers.empty();
}

void add_activation_limits(Lines& limits, const TransformerConfig& c) {
  const ActivationFunction function = function_of(c.activation);
  const std::string named = "activation \"" + name_of(c.activation) + "\"";
  if (c.gated_linear_unit) {
    if (activation_needs_spec(c))
      limits.push_back(with_layer_spec(
          "gated " + named + ": Megatron-LM's flags (silu and quick_gelu) cannot", {"activation"}, c));
  } else if (function == ActivationFunction::gelu_pytorch_tanh) {
    if (!c.add_bias_linear)
      limits.push_back(named +
                       " without biases: Megatron-LM has the tanh form of GELU as a fusion with biases only");
  } else if (function == ActivationFunction::xielu) {
    limits.push_back(with_layer_spec(named + ": Megatron-Core has none", {"activation"}, c));
  } else if (function != ActivationFunction::relu2 && function != ActivationFunction::gelu) {
    limits.push_back(named + ": Megatron-LM has no flag for it");
  }
}

void add_group_score_limit(Lines& limits, const TransformerConfig& c) {
  const MoeConfig& moe = *c.moe;
  if (moe.router_group_topk < 1) return;
  const std::int64_t per_group = moe.router_topk / moe.router_group_topk;
  if (moe.router_group_score_topk != per_group)
    limits.push_back("a group of experts counts by its " + std::to_string(moe.router_group_score_topk) +
                     " best: Megatron-Core takes " + std::to_string(per_group) +
                     " (moe_router_topk / moe_router_group_topk)");
}

void add_prediction_limits(Lines& limits, const TransformerConfig& c) {
  if (c.mtp_num_layers < 1) return;
  if (!c.mla && c.rope_scaling.type == RopeKind::yarn)  // arguments.py, validate_args
    limits.emplace_back("prediction blocks beside YaRN: Megatron-LM takes them with plain rope only");
  if (c.linear_attention || c.sparse_attention)  // training/models/gpt.py, mtp_block_spec, asks
                                                 // get_gpt_decoder_layer_specs
    limits.push_back(std::string("prediction blocks beside ") +
                     (c.linear_attention ? "gated delta nets" : "sparse attention") +
                     ": Megatron-LM 0.19 cannot build them, Megatron-Bridge can");
}

void add_temperature_limit(Lines& limits, const TransformerConfig& c) {
  const AttentionTemperature& temperature = *c.attention_temperature;
  if (temperature.everywhere) {
    limits.push_back(
        "queries that grow with their position: SelfAttention cannot, so it differs from position " +
        std::to_string(temperature.floor_scale) + " on");
  } else if (temperature_needs_spec(c)) {
    limits.push_back(with_layer_spec("queries that grow with their position: SelfAttention cannot",
                                     {"floor_scale", "scale"}, c));
  }
}

}  // namespace mhub
