#include "mhub/runtime/support.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "mhub/base/error.hpp"

namespace mhub::runtime {
namespace {

/// Names of one function; transformers' ACT2FN (activations.py) has several for some.
constexpr std::array<std::pair<std::string_view, ActivationKind>, 13> kActivations{{
    {"silu", ActivationKind::silu},
    {"swish", ActivationKind::silu},
    {"gelu", ActivationKind::gelu},
    {"gelu_python", ActivationKind::gelu},
    {"gelu_new", ActivationKind::gelu_tanh},
    {"gelu_pytorch_tanh", ActivationKind::gelu_tanh},
    {"gelu_python_tanh", ActivationKind::gelu_tanh},
    {"gelu_fast", ActivationKind::gelu_tanh},
    {"gelu_accurate", ActivationKind::gelu_tanh},
    {"quick_gelu", ActivationKind::quick_gelu},
    {"relu", ActivationKind::relu},
    {"relu2", ActivationKind::relu_squared},
    {"linear", ActivationKind::identity},
}};

/// Collects what the checks of one configuration need.
class Check {
 public:
  explicit Check(const std::string& source) : source_(source) {}

  void positive(const char* field, std::int64_t value) const {
    // The decoder multiplies two of these at a time.
    if (value < 1 || value > (std::int64_t{1} << 31))
      fail(field, std::to_string(value), "a size from 1 to 2^31");
  }
  void one_of(const char* field, const std::string& value,
              std::initializer_list<std::string_view> known) const {
    if (std::find(known.begin(), known.end(), value) != known.end()) return;
    std::string list;
    for (const std::string_view name : known) list += (list.empty() ? "" : ", ") + std::string(name);
    fail(field, value, list);
  }
  void number(const char* field, double value, double low, double high) const {
    if (!(value >= low && value <= high))
      fail(field, std::to_string(value),
           "a number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  void that(bool condition, const char* field, const std::string& found, const std::string& expected) const {
    if (!condition) fail(field, found, expected);
  }

 private:
  [[noreturn]] void fail(const char* field, const std::string& found, const std::string& expected) const {
    throw InputError(source_ + ": generation does not support " + field + " = " + found + "; expected " +
                     expected);
  }

  const std::string& source_;
};

void check_rotary(const TransformerConfig& config, const Check& check) {
  const RopeScaling& scaling = config.rope_scaling;
  check.one_of("rope_scaling.type", scaling.type, {"default", "linear", "dynamic", "llama3", "yarn"});
  check.number("rotary_base", config.rotary_base, 1e-3, 1e15);
  check.number("rotary_percent", config.rotary_percent, 1e-3, 1.0);
  const double dim = static_cast<double>(config.kv_channels) * config.rotary_percent;
  const auto rotated = static_cast<std::int64_t>(dim);
  check.that(rotated >= 2 && rotated % 2 == 0, "rotary dimensions", std::to_string(rotated),
             "an even number");
  if (scaling.type == "default") return;
  check.number("rope_scaling.factor", scaling.factor, 1e-6, 1e9);
  check.positive("rope_scaling.original_max_position_embeddings", scaling.original_max_position_embeddings);
  if (scaling.type == "llama3") {
    check.number("rope_scaling.low_freq_factor", scaling.low_freq_factor, 1e-6, 1e9);
    check.that(scaling.high_freq_factor > scaling.low_freq_factor, "rope_scaling.high_freq_factor",
               std::to_string(scaling.high_freq_factor), "more than low_freq_factor");
  }
  if (scaling.type == "yarn") {
    check.number("rope_scaling.beta_fast", scaling.beta_fast, 1e-6, 1e9);
    check.number("rope_scaling.beta_slow", scaling.beta_slow, 1e-6, 1e9);
  }
  if (scaling.type == "dynamic") {
    check.that(rotated > 2, "rotary dimensions", std::to_string(rotated), "more than 2 with dynamic scaling");
  }
}

}  // namespace

ActivationKind activation_kind(const std::string& name, const std::string& source) {
  for (const auto& [known, kind] : kActivations) {
    if (known == name) return kind;
  }
  throw InputError(source + ": generation does not support activation = " + name);
}

void require_supported(const TransformerConfig& config, const std::string& source) {
  const Check check(source);
  check.positive("num_layers", config.num_layers);
  check.positive("hidden_size", config.hidden_size);
  check.positive("ffn_hidden_size", config.ffn_hidden_size);
  check.positive("num_attention_heads", config.num_attention_heads);
  check.positive("num_query_groups", config.num_query_groups);
  check.positive("kv_channels", config.kv_channels);
  check.positive("vocab_size", config.vocab_size);
  check.positive("max_position_embeddings", config.max_position_embeddings);
  check.that(config.num_attention_heads % config.num_query_groups == 0, "num_query_groups",
             std::to_string(config.num_query_groups), "a divisor of num_attention_heads");
  check.one_of("position_embedding_type", config.position_embedding_type,
               {"rope", "learned_absolute", "none"});
  if (config.position_embedding_type == "rope") check_rotary(config, check);
  check.one_of("normalization", config.normalization, {"RMSNorm", "LayerNorm"});
  check.number("layernorm_epsilon", config.layernorm_epsilon, 0.0, 1.0);
  activation_kind(config.activation, source);
  if (config.sliding_window) check.positive("sliding_window", *config.sliding_window);
}

}  // namespace mhub::runtime
