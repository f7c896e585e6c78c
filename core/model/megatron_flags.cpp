#include <array>
#include <charconv>

#include "mhub/model/megatron_args.hpp"
#include "mhub/model/megatron_fields.hpp"

namespace mhub {
namespace {

std::string shortest(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

}  // namespace

std::vector<std::string> megatron_flags(const TransformerConfig& c) {
  std::vector<std::string> flags;
  if (c.layernorm_epsilon != 1e-5) flags.push_back("--norm-epsilon " + shortest(c.layernorm_epsilon));
  if (c.rope_scaling.type == "llama3") {
    flags.push_back("--use-rope-scaling");
    flags.push_back("--rope-scaling-factor " + shortest(c.rope_scaling.factor));
  }
  if (c.rope_scaling.type == "linear")
    flags.push_back("--rotary-seq-len-interpolation-factor " + shortest(c.rope_scaling.factor));
  if (const auto yarn = megatron_yarn(c)) {
    flags.push_back("--rotary-scaling-factor " + shortest(yarn->factor));
    flags.push_back("--mscale " + shortest(yarn->mscale));
    flags.push_back("--mscale-all-dim " + shortest(yarn->mscale_all_dim));
    flags.push_back("--yarn-original-max-position-embeddings " +
                    std::to_string(yarn->original_max_position_embeddings));
    flags.push_back("--yarn-beta-fast " + shortest(yarn->beta_fast));
    flags.push_back("--yarn-beta-slow " + shortest(yarn->beta_slow));
    flags.emplace_back(yarn->round_to_int ? "--yarn-correction-range-round-to-int"
                                          : "--no-yarn-correction-range-round-to-int");
  }
  if (c.qk_layernorm) flags.emplace_back("--qk-layernorm");
  if (c.sliding_window) flags.push_back("--window-size " + std::to_string(*c.sliding_window - 1) + ",0");
  return flags;
}

std::vector<std::string> megatron_limits(const TransformerConfig& c) {
  std::vector<std::string> limits;
  const RopeScaling& rope = c.rope_scaling;
  if (rope.type == "llama3" && (rope.low_freq_factor != 1.0 || rope.high_freq_factor != 4.0 ||
                                rope.original_max_position_embeddings != 8192)) {
    // Megatron-Core rotary_pos_embedding.py, _apply_scaling: constants
    limits.push_back(
        "llama3 rope scaling with low_freq_factor=" + shortest(rope.low_freq_factor) +
        " high_freq_factor=" + shortest(rope.high_freq_factor) + " original_max_position_embeddings=" +
        std::to_string(rope.original_max_position_embeddings) + ": Megatron-Core always uses 1, 4 and 8192");
  }
  if (rope.type == "yarn")
    limits.emplace_back(
        "rope scaling \"yarn\" needs a megatron-core whose GPTModel knows it (0.16 does, 0.14 does not)");
  if (rope.type == "dynamic" || rope.type == "longrope") {
    limits.push_back("rope scaling \"" + rope.type +
                     "\": GPTModel has no setting for it in Megatron-LM's arguments");
  }
  if (c.gated_linear_unit && c.activation != "silu" && c.activation != "quick_gelu") {
    limits.push_back("gated activation \"" + c.activation +
                     "\": Megatron-LM has flags for silu and quick_gelu only");
  }
  if (!c.gated_linear_unit && c.activation != "relu2" && c.activation != "gelu" &&
      !is_gelu_tanh(c.activation)) {
    limits.push_back("activation \"" + c.activation + "\": Megatron-LM has no flag for it");
  }
  return limits;
}

}  // namespace mhub
