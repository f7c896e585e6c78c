// SPDX-License-Identifier: Apache-2.0
// A whole tiny model of Mamba-2 mixers, attention and an MLP (the architecture of transformers'
// modeling_nemotron_h.py) against the CPU backend, whose logits the interop tests compare with transformers'.
#include <boost/test/unit_test.hpp>

#include "conformance/model.hpp"

using namespace mhub;
using namespace mhub::tests;

namespace {

constexpr std::size_t kHidden = 32, kFfn = 48, kVocabulary = 40, kHeads = 4, kDim = 8;
constexpr std::size_t kMixerHeads = 6, kHeadDim = 10, kGroups = 2, kState = 7, kKernel = 4;

void add_mixer(Model& model, const std::string& name) {
  constexpr std::size_t kInner = kMixerHeads * kHeadDim, kChannels = kInner + 2 * kGroups * kState;
  model.add(name + "in_proj.weight", {kInner + kChannels + kMixerHeads, kHidden}, 0.3F);
  model.add(name + "conv1d.weight", {kChannels, 1, kKernel}, 0.5F);
  model.add(name + "conv1d.bias", {kChannels}, 0.5F);
  model.add(name + "A_log", {kMixerHeads}, 0.5F);
  model.add(name + "D", {kMixerHeads}, 1.0F);
  model.add(name + "dt_bias", {kMixerHeads}, 0.5F);
  model.add(name + "norm.weight", {kInner}, 0.2F, 1.0F);
  // Small: the norm in front of it enlarges the rounding of answers that are nearly zero.
  model.add(name + "out_proj.weight", {kHidden, kInner}, 0.1F);
}

void add_attention(Model& model, const std::string& name) {
  model.add(name + "q_proj.weight", {kHeads * kDim, kHidden}, 0.3F);
  model.add(name + "k_proj.weight", {2 * kDim, kHidden}, 0.3F);
  model.add(name + "v_proj.weight", {2 * kDim, kHidden}, 0.3F);
  model.add(name + "o_proj.weight", {kHidden, kHeads * kDim}, 0.3F);
}

Model make() {
  const std::string pattern = "M*M-";
  Model model({{"architectures", {"NemotronHForCausalLM"}},
               {"model_type", "nemotron_h"},
               {"hybrid_override_pattern", pattern},
               {"vocab_size", kVocabulary},
               {"hidden_size", kHidden},
               {"intermediate_size", kFfn},
               {"num_hidden_layers", pattern.size()},
               {"num_attention_heads", kHeads},
               {"num_key_value_heads", 2},
               {"head_dim", kDim},
               {"mamba_num_heads", kMixerHeads},
               {"mamba_head_dim", kHeadDim},
               {"n_groups", kGroups},
               {"ssm_state_size", kState},
               {"conv_kernel", kKernel},
               {"layer_norm_epsilon", kEpsilon},
               {"tie_word_embeddings", false}});
  model.add("backbone.embeddings.weight", {kVocabulary, kHidden}, 1.0F);
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const std::string layer = "backbone.layers." + std::to_string(i) + ".", mixer = layer + "mixer.";
    model.add(layer + "norm.weight", {kHidden}, 0.2F, 1.0F);
    if (pattern[i] == 'M') add_mixer(model, mixer);
    if (pattern[i] == '*') add_attention(model, mixer);
    if (pattern[i] != '-') continue;
    model.add(mixer + "up_proj.weight", {kFfn, kHidden}, 0.3F);
    model.add(mixer + "down_proj.weight", {kHidden, kFfn}, 0.3F);
  }
  model.add("backbone.norm_f.weight", {kHidden}, 0.2F, 1.0F);
  model.add("lm_head.weight", {kVocabulary, kHidden}, 0.3F);
  return model;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mamba_model)

BOOST_AUTO_TEST_CASE(gives_the_same_logits) { check_logits(make(), kVocabulary, true); }

BOOST_AUTO_TEST_SUITE_END()
