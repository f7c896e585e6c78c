// SPDX-License-Identifier: Apache-2.0
// A whole tiny model of gated delta nets and gated attention in turn (the architecture of transformers'
// modeling_qwen3_5.py) against the CPU backend, whose logits the interop tests compare with transformers'.
#include <boost/test/unit_test.hpp>

#include "conformance/model.hpp"

using namespace mhub;
using namespace mhub::tests;

namespace {

constexpr std::size_t kHidden = 32, kFfn = 48, kVocabulary = 40, kHeads = 4, kDim = 8;
constexpr std::size_t kKeyHeads = 2, kValueHeads = 4, kKeyDim = 8, kValueDim = 12, kKernel = 4;

void add_delta_net(Model& model, const std::string& name) {
  constexpr std::size_t kKeys = kKeyHeads * kKeyDim, kValues = kValueHeads * kValueDim;
  model.add(name + "in_proj_qkv.weight", {2 * kKeys + kValues, kHidden}, 0.3F);
  model.add(name + "in_proj_z.weight", {kValues, kHidden}, 0.3F);
  model.add(name + "in_proj_b.weight", {kValueHeads, kHidden}, 0.3F);
  model.add(name + "in_proj_a.weight", {kValueHeads, kHidden}, 0.3F);
  model.add(name + "conv1d.weight", {2 * kKeys + kValues, 1, kKernel}, 0.5F);
  model.add(name + "A_log", {kValueHeads}, 0.5F);
  model.add(name + "dt_bias", {kValueHeads}, 0.5F);
  model.add(name + "norm.weight", {kValueDim}, 0.2F, 1.0F);
  // Small: the norm in front of it enlarges the rounding of answers that are nearly zero.
  model.add(name + "out_proj.weight", {kHidden, kValues}, 0.1F);
}

void add_attention(Model& model, const std::string& name) {
  model.add(name + "q_proj.weight", {2 * kHeads * kDim, kHidden}, 0.3F);
  model.add(name + "k_proj.weight", {2 * kDim, kHidden}, 0.3F);
  model.add(name + "v_proj.weight", {2 * kDim, kHidden}, 0.3F);
  model.add(name + "o_proj.weight", {kHidden, kHeads * kDim}, 0.3F);
  model.add(name + "q_norm.weight", {kDim}, 0.2F);
  model.add(name + "k_norm.weight", {kDim}, 0.2F);
}

Model make() {
  const std::vector<std::string> layers{"linear_attention", "full_attention", "linear_attention"};
  Model model({{"architectures", {"Qwen3_5ForCausalLM"}},
               {"model_type", "qwen3_5_text"},
               {"vocab_size", kVocabulary},
               {"hidden_size", kHidden},
               {"intermediate_size", kFfn},
               {"num_hidden_layers", layers.size()},
               {"layer_types", layers},
               {"num_attention_heads", kHeads},
               {"num_key_value_heads", 2},
               {"head_dim", kDim},
               {"linear_num_key_heads", kKeyHeads},
               {"linear_num_value_heads", kValueHeads},
               {"linear_key_head_dim", kKeyDim},
               {"linear_value_head_dim", kValueDim},
               {"linear_conv_kernel_dim", kKernel},
               {"rms_norm_eps", kEpsilon},
               {"partial_rotary_factor", 0.5},
               {"rope_theta", 10000.0},
               {"hidden_act", "silu"},
               {"tie_word_embeddings", false}});
  model.add("model.embed_tokens.weight", {kVocabulary, kHidden}, 1.0F);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    model.add(layer + "input_layernorm.weight", {kHidden}, 0.2F);
    if (layers[i] == "linear_attention")
      add_delta_net(model, layer + "linear_attn.");
    else
      add_attention(model, layer + "self_attn.");
    model.add(layer + "post_attention_layernorm.weight", {kHidden}, 0.2F);
    model.add(layer + "mlp.gate_proj.weight", {kFfn, kHidden}, 0.3F);
    model.add(layer + "mlp.up_proj.weight", {kFfn, kHidden}, 0.3F);
    model.add(layer + "mlp.down_proj.weight", {kHidden, kFfn}, 0.3F);
  }
  model.add("model.norm.weight", {kHidden}, 0.2F);
  model.add("lm_head.weight", {kVocabulary, kHidden}, 0.3F);
  return model;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gated_delta_nets)

BOOST_AUTO_TEST_CASE(give_the_same_logits_in_a_model) { check_logits(make(), kVocabulary, true); }

BOOST_AUTO_TEST_SUITE_END()
