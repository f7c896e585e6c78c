#include "mhub/model/rope_config.hpp"

#include <algorithm>
#include <array>

namespace mhub {
namespace {

std::optional<double> optional_number(const ConfigReader& config, const std::string& key) {
  return config.has(key) ? std::optional(config.number(key)) : std::nullopt;
}

RopeScaling read_scaling(const ConfigReader& scaling, const ConfigReader& config) {
  constexpr std::array<std::string_view, 6> kKnown{"default", "linear", "dynamic",
                                                   "llama3",  "yarn",   "longrope"};
  RopeScaling rope;
  rope.type = scaling.string("rope_type", scaling.string("type", "default"));
  if (rope.type == "su") rope.type = "longrope";  // Phi-3's first releases
  if (std::find(kKnown.begin(), kKnown.end(), rope.type) == kKnown.end()) {
    scaling.fail("rope_type", "unsupported: \"" + rope.type + "\"");
  }
  if (rope.type == "default") return rope;
  rope.factor = scaling.number("factor", rope.type == "longrope" ? std::optional(1.0) : std::nullopt);
  rope.low_freq_factor = scaling.number("low_freq_factor", rope.low_freq_factor);
  rope.high_freq_factor = scaling.number("high_freq_factor", rope.high_freq_factor);
  rope.original_max_position_embeddings = scaling.positive(
      "original_max_position_embeddings",
      config.integer("original_max_position_embeddings", config.integer("max_position_embeddings", 8192)));
  rope.beta_fast = scaling.number("beta_fast", rope.beta_fast);
  rope.beta_slow = scaling.number("beta_slow", rope.beta_slow);
  rope.attention_factor = optional_number(scaling, "attention_factor");
  rope.mscale = optional_number(scaling, "mscale");
  rope.mscale_all_dim = optional_number(scaling, "mscale_all_dim");
  rope.truncate = scaling.boolean("truncate", true);
  return rope;
}

}  // namespace

void read_rope(const ConfigReader& config, double default_theta, TransformerConfig& megatron) {
  const ConfigReader parameters = config.object("rope_parameters");
  const ConfigReader scaling =
      config.object(config.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
  megatron.rotary_base = parameters.number("rope_theta", config.number("rope_theta", default_theta));
  megatron.rotary_percent =
      parameters.number("partial_rotary_factor", config.number("partial_rotary_factor", 1.0));
  megatron.rope_scaling = read_scaling(scaling, config);
}

}  // namespace mhub
