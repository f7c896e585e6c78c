// SPDX-License-Identifier: Apache-2.0
// Layers that attend in two kinds, share keys and have embeddings of their own: each has a cache of its own
// widths.
#include <cmath>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/runtime/cpu/cpu_backend.hpp"
#include "mhub/runtime/decoder.hpp"
#include "mhub/runtime/layer_plan.hpp"
#include "mhub/runtime/rotary.hpp"
#include "mhub/runtime/support.hpp"
#include "runtime/tiny_model.hpp"

BOOST_AUTO_TEST_SUITE(attention_kinds)

using namespace mhub;
using namespace mhub::runtime;
using namespace mhub::tests;

namespace {

/// A Gemma 4 with all that the smallest ones have: layers 2 and 3 take the keys of 0 and of 1.
struct TinyGemma4 : TinyLlama {
  explicit TinyGemma4(float scalar = 0.5F) {
    header.clear();
    payload.clear();
    config = {
        {"architectures", {"Gemma4ForCausalLM"}},
        {"model_type", "gemma4_text"},
        {"vocab_size", 13},
        {"hidden_size", 8},
        {"intermediate_size", 12},
        {"num_hidden_layers", 4},
        {"num_attention_heads", 4},
        {"num_key_value_heads", 2},
        {"head_dim", 2},
        {"global_head_dim", 8},
        {"max_position_embeddings", 64},
        {"sliding_window", 3},
        {"hidden_size_per_layer_input", 2},
        {"vocab_size_per_layer_input", 13},
        {"num_kv_shared_layers", 2},
        {"use_double_wide_mlp", true},
        {"layer_types", {"sliding_attention", "full_attention", "sliding_attention", "full_attention"}}};
    add("model.embed_tokens.weight", {13, 8});
    add("model.embed_tokens_per_layer.weight", {13, 8});
    add("model.per_layer_model_projection.weight", {8, 8});
    add("model.per_layer_projection_norm.weight", {2});
    for (std::int64_t layer = 0; layer < 4; ++layer)
      add_layer("model.layers." + std::to_string(layer) + ".", layer);
    add("model.norm.weight", {8});
    const auto values = random_values(static_cast<std::int64_t>(payload.size() / 4), 42, 0.5F);
    std::memcpy(payload.data(), values.data(), payload.size());
    for (const std::size_t at : scalars_) std::memcpy(payload.data() + at, &scalar, sizeof(scalar));
  }

 private:
  void add_layer(const std::string& name, std::int64_t layer) {
    const std::int64_t dim = layer % 2 == 0 ? 2 : 8, wide = layer < 2 ? 12 : 24;
    for (const char* norm : {"input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
                             "post_feedforward_layernorm", "post_per_layer_input_norm"})
      add(name + norm + ".weight", {8});
    add(name + "self_attn.q_proj.weight", {4 * dim, 8});
    add(name + "self_attn.q_norm.weight", {dim});
    if (layer < 2) {
      add(name + "self_attn.k_proj.weight", {2 * dim, 8});
      add(name + "self_attn.v_proj.weight", {2 * dim, 8});
      add(name + "self_attn.k_norm.weight", {dim});
    }
    add(name + "self_attn.o_proj.weight", {8, 4 * dim});
    add(name + "mlp.gate_proj.weight", {wide, 8});
    add(name + "mlp.up_proj.weight", {wide, 8});
    add(name + "mlp.down_proj.weight", {8, wide});
    add(name + "per_layer_input_gate.weight", {2, 8});
    add(name + "per_layer_projection.weight", {8, 2});
    scalars_.push_back(payload.size());
    add(name + "layer_scalar", {1});
  }

  std::vector<std::size_t> scalars_;
};

const std::vector<std::int64_t> kTokens{1, 5, 12, 0, 3, 3, 7, 9, 2, 11};

/// Logits of all tokens, which run in pieces.
std::vector<float> logits(const TinyGemma4& model, std::size_t piece) {
  const TemporaryFolder folder;
  TinyGemma4(model).write(folder.file("model"));
  const Checkpoint checkpoint = open_checkpoint(folder.file("model"));
  const std::unique_ptr<Backend> backend = make_cpu_backend({2, nullptr});
  Decoder decoder(checkpoint, *backend);
  SequenceCache sequence = decoder.new_sequence();
  std::vector<float> all;
  for (std::size_t begin = 0; begin < kTokens.size(); begin += piece) {
    const Decoder::Step step{&sequence,
                             std::span(kTokens).subspan(begin, std::min(piece, kTokens.size() - begin))};
    const Matrix out = decoder.forward({&step, 1}, Decoder::Logits::all);
    const std::size_t at = all.size();
    all.resize(at + static_cast<std::size_t>(out.rows * out.columns));
    backend->read(out, std::span(all).subspan(at));
  }
  return all;
}

/// How far two lists are apart, of the largest number.
float distance(const std::vector<float>& a, const std::vector<float>& b) {
  BOOST_REQUIRE(a.size() == b.size());
  float largest = 0, worst = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    largest = std::max(largest, std::abs(a[k]));
    worst = std::max(worst, std::abs(a[k] - b[k]));
  }
  return worst / largest;
}

}  // namespace

BOOST_AUTO_TEST_CASE(pieces_give_what_all_at_once_gives) {
  const TinyGemma4 model;
  const std::vector<float> whole = logits(model, kTokens.size());
  BOOST_TEST(distance(whole, logits(model, 1)) <= 1e-5F);
  BOOST_TEST(distance(whole, logits(model, 4)) <= 1e-5F);
  BOOST_TEST(distance(whole, logits(TinyGemma4(0.75F), 1)) > 1e-2F);
}

BOOST_AUTO_TEST_CASE(a_plan_says_whose_keys_a_layer_takes) {
  TransformerConfig c;
  c.num_layers = 4;
  c.sliding_window = 3;
  c.window_layers = {1, 0, 1, 0};
  c.shared_keys = SharedKeysConfig{2};
  BOOST_TEST(layer_plan(c, 0).keys_of == -1);
  BOOST_TEST(layer_plan(c, 0).lends_keys);
  BOOST_TEST(layer_plan(c, 2).keys_of == 0);
  BOOST_TEST(layer_plan(c, 3).keys_of == 1);
  BOOST_TEST(!layer_plan(c, 3).lends_keys);
}

/// transformers' _compute_proportional_rope_parameters.
BOOST_AUTO_TEST_CASE(of_proportional_rotation_some_pairs_stand_still) {
  TransformerConfig c;
  c.kv_channels = 16;
  c.rotary_base = 100.0;
  c.rope_scaling.type = RopeKind::proportional;
  c.rope_scaling.partial_rotary_factor = 0.25;
  const std::vector<float> frequencies = Rotary(c).frequencies(1);
  BOOST_TEST_REQUIRE(frequencies.size() == 8u);
  BOOST_TEST(frequencies[0] == 1.0F);
  BOOST_TEST(std::abs(frequencies[1] - std::pow(100.0F, -0.125F)) < 1e-6F);
  for (std::size_t k = 2; k < 8; ++k) BOOST_TEST(frequencies[k] == 0.0F);
}

BOOST_AUTO_TEST_SUITE_END()
