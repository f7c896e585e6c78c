// SPDX-License-Identifier: Apache-2.0
// Heads of values that are smaller than those of keys, a multiplier on them, and sinks in layers with a
// window alone: MiMo-V2-Flash.
#include <cmath>
#include <functional>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/runtime/cpu/cpu_backend.hpp"
#include "mhub/runtime/generation.hpp"
#include "mhub/runtime/support.hpp"
#include "runtime/tiny_model.hpp"

BOOST_AUTO_TEST_SUITE(value_sizes)

using namespace mhub;
using namespace mhub::runtime;
using namespace mhub::tests;

namespace {

constexpr std::int64_t kHidden = 8, kHeads = 4, kKeyDim = 4, kValueDim = 2;

/// A layer without a window and one with a window, which has twice the heads of keys. Its values have heads
/// of two numbers; `padded`: of four, of which two are zeros that nothing reads. Tensors of one name are the
/// same in all of them.
struct TinyMiMo : TinyLlama {
  explicit TinyMiMo(bool padded = false, double scale = 0.5, float sink = 0.3F, float values = 1.0F)
      : width_(padded ? kKeyDim : kValueDim), values_(values) {
    header.clear();
    payload.clear();
    config = {{"architectures", {"MiMoV2FlashForCausalLM"}},
              {"model_type", "mimo_v2_flash"},
              {"vocab_size", 13},
              {"hidden_size", kHidden},
              {"intermediate_size", 12},
              {"moe_intermediate_size", 6},
              {"num_hidden_layers", 2},
              {"num_attention_heads", kHeads},
              {"num_key_value_heads", 1},
              {"head_dim", kKeyDim},
              {"v_head_dim", width_},
              {"max_position_embeddings", 64},
              {"partial_rotary_factor", 0.5},
              {"hybrid_layer_pattern", {0, 1}},
              {"moe_layer_freq", {0, 1}},
              {"sliding_window_size", 3},
              {"n_routed_experts", 2},
              {"num_experts_per_tok", 2},
              {"attention_value_scale", scale}};
    random("model.embed_tokens.weight", {13, kHidden});
    add_attention("model.layers.0.", 1);
    for (const char* part : {"gate_proj", "up_proj"})
      random(std::string("model.layers.0.mlp.") + part + ".weight", {12, kHidden});
    random("model.layers.0.mlp.down_proj.weight", {kHidden, 12});
    add_attention("model.layers.1.", 2);
    put("model.layers.1.self_attn.attention_sink_bias", {kHeads}, std::vector<float>(kHeads, sink));
    random("model.layers.1.mlp.gate.weight", {2, kHidden});
    random("model.layers.1.mlp.gate.e_score_correction_bias", {2});
    for (const std::string expert : {"model.layers.1.mlp.experts.0.", "model.layers.1.mlp.experts.1."}) {
      random(expert + "gate_proj.weight", {6, kHidden});
      random(expert + "up_proj.weight", {6, kHidden});
      random(expert + "down_proj.weight", {kHidden, 6});
    }
    random("model.norm.weight", {kHidden});
    random("lm_head.weight", {13, kHidden});
  }

 private:
  static std::vector<float> numbers(const std::string& name, std::int64_t count) {
    return random_values(count, static_cast<unsigned>(std::hash<std::string>()(name)), 0.5F);
  }
  void put(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    add(name, shape);
    std::memcpy(payload.data() + payload.size() - 4 * values.size(), values.data(), 4 * values.size());
  }
  void random(const std::string& name, const Shape& shape) { put(name, shape, numbers(name, numel(shape))); }
  void add_attention(const std::string& layer, std::int64_t groups) {
    random(layer + "input_layernorm.weight", {kHidden});
    random(layer + "post_attention_layernorm.weight", {kHidden});
    random(layer + "self_attn.q_proj.weight", {kHeads * kKeyDim, kHidden});
    random(layer + "self_attn.k_proj.weight", {groups * kKeyDim, kHidden});
    // The first kValueDim rows of each head, and columns of each head, are the same at any width.
    const std::string v = layer + "self_attn.v_proj.weight", o = layer + "self_attn.o_proj.weight";
    const std::vector<float> rows = numbers(v, groups * kValueDim * kHidden),
                             columns = numbers(o, kHidden * kHeads * kValueDim);
    std::vector<float> values(static_cast<std::size_t>(groups * width_ * kHidden)),
        out(static_cast<std::size_t>(kHidden * kHeads * width_));
    const auto at = [](std::int64_t k) { return static_cast<std::size_t>(k); };
    for (std::int64_t d = 0; d < kValueDim; ++d) {
      for (std::int64_t g = 0; g < groups; ++g)
        for (std::int64_t h = 0; h < kHidden; ++h)
          values[at((g * width_ + d) * kHidden + h)] = values_ * rows[at((g * kValueDim + d) * kHidden + h)];
      for (std::int64_t h = 0; h < kHidden; ++h)
        for (std::int64_t n = 0; n < kHeads; ++n)
          out[at((h * kHeads + n) * width_ + d)] = columns[at((h * kHeads + n) * kValueDim + d)];
    }
    put(v, {groups * width_, kHidden}, values);
    put(o, {kHidden, kHeads * width_}, out);
  }

  std::int64_t width_;
  float values_;
};

/// Logits of ten tokens, so many at once.
std::vector<float> logits(const TinyMiMo& model, std::size_t piece = 10) {
  const TemporaryFolder folder;
  model.write(folder.file("model"));
  const Checkpoint checkpoint = open_checkpoint(folder.file("model"));
  const std::unique_ptr<Backend> backend = make_cpu_backend({2, nullptr});
  Decoder decoder(checkpoint, *backend);
  const std::vector<std::int64_t> tokens{1, 5, 12, 0, 3, 3, 7, 9, 2, 11};
  SequenceCache sequence = decoder.new_sequence();
  std::vector<float> all;
  for (std::size_t begin = 0; begin < tokens.size(); begin += piece) {
    const Decoder::Step step{&sequence, std::span(tokens).subspan(begin, piece)};
    const Matrix out = decoder.forward({&step, 1}, Decoder::Logits::all);
    const std::size_t at = all.size();
    all.resize(at + static_cast<std::size_t>(out.rows * out.columns));
    backend->read(out, std::span(all).subspan(at));
  }
  return all;
}

/// The largest difference, as a share of the largest number.
float difference(const std::vector<float>& a, const std::vector<float>& b) {
  BOOST_TEST_REQUIRE(a.size() == b.size());
  float largest = 0, worst = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    largest = std::max(largest, std::abs(a[k]));
    worst = std::max(worst, std::abs(a[k] - b[k]));
  }
  BOOST_TEST(largest > 0.1F);
  return worst / largest;
}

}  // namespace

BOOST_AUTO_TEST_CASE(token_by_token_gives_what_all_at_once_gives) {
  BOOST_TEST(difference(logits(TinyMiMo()), logits(TinyMiMo(), 1)) <= 1e-5F);
}

BOOST_AUTO_TEST_CASE(small_values_are_large_ones_with_zeros) {
  BOOST_TEST(difference(logits(TinyMiMo()), logits(TinyMiMo(true))) <= 1e-5F);
}

BOOST_AUTO_TEST_CASE(values_are_multiplied) {
  const std::vector<float> plain = logits(TinyMiMo());
  BOOST_TEST(difference(plain, logits(TinyMiMo(false, 1.0, 0.3F, 0.5F))) <= 1e-5F);
  BOOST_TEST(difference(plain, logits(TinyMiMo(false, 1.0))) > 1e-3F);
}

/// A sink takes its share of the layer with a window: less of its tokens, and of nothing else.
BOOST_AUTO_TEST_CASE(sinks_take_their_share) {
  const std::vector<float> none = logits(TinyMiMo(false, 0.5, -60.0F));
  BOOST_TEST(difference(none, logits(TinyMiMo())) > 1e-3F);
  // One that takes all leaves what is there without the layer's values.
  BOOST_TEST(difference(logits(TinyMiMo(false, 0.5, 60.0F)), logits(TinyMiMo(false, 0.5, 90.0F))) <= 1e-5F);
}

BOOST_AUTO_TEST_CASE(what_values_of_another_size_do_not_go_with) {
  TransformerConfig c;
  c.num_layers = 2;
  c.hidden_size = 8;
  c.ffn_hidden_size = 12;
  c.num_attention_heads = c.num_query_groups = 2;
  c.kv_channels = 4;
  c.value_channels = 2;
  c.vocab_size = 13;
  c.max_position_embeddings = 64;
  BOOST_CHECK_NO_THROW(require_supported(c, "model"));
  for (bool TransformerConfig::*field :
       {&TransformerConfig::attention_output_gate, &TransformerConfig::key_is_value}) {
    TransformerConfig other = c;
    other.*field = true;
    BOOST_CHECK_EXCEPTION(require_supported(other, "model"), InputError, message_has("value_channels with"));
  }
}

BOOST_AUTO_TEST_SUITE_END()
