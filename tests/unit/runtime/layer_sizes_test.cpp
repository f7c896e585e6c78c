// SPDX-License-Identifier: Apache-2.0
// Layers of several sizes: each with its own cache, without a block, or with one linear layer in its place.
#include <cmath>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/runtime/cpu/cpu_backend.hpp"
#include "mhub/runtime/generation.hpp"
#include "mhub/runtime/layer_plan.hpp"
#include "mhub/runtime/support.hpp"
#include "runtime/tiny_model.hpp"

BOOST_AUTO_TEST_SUITE(layer_sizes)

using namespace mhub;
using namespace mhub::runtime;
using namespace mhub::tests;

namespace {

TransformerConfig several_sizes() {
  TransformerConfig c;
  c.num_layers = 4;
  c.hidden_size = 8;
  c.ffn_hidden_size = 256;
  c.num_attention_heads = 4;
  c.num_query_groups = 2;
  c.kv_channels = 2;
  c.vocab_size = 13;
  c.max_position_embeddings = 64;
  c.heterogeneous = HeterogeneousConfig{{2, kNoBlock, kLinearBlock, 1}, {256, kLinearBlock, kNoBlock, 512}};
  return c;
}

/// Such a model as a Hugging Face folder.
struct TinyBlocks : TinyLlama {
  TinyBlocks() {
    header.clear();
    payload.clear();
    config["architectures"] = {"DeciLMForCausalLM"};
    config["model_type"] = "nemotron-nas";
    config["num_hidden_layers"] = 4;
    const auto block = [](const nlohmann::json& heads, const nlohmann::json& mult, bool linear_attention,
                          bool linear_mlp) -> nlohmann::json {
      return {{"attention",
               {{"n_heads_in_group", heads},
                {"no_op", heads.is_null() && !linear_attention},
                {"replace_with_linear", linear_attention}}},
              {"ffn",
               {{"ffn_mult", mult},
                {"no_op", mult.is_null() && !linear_mlp},
                {"replace_with_linear", linear_mlp}}}};
    };
    config["block_configs"] = {block(2, 48.0, false, false), block(nullptr, nullptr, false, true),
                               block(nullptr, nullptr, true, false), block(4, 96.0, false, false)};
    add("model.embed_tokens.weight", {13, 8});
    add_attention("model.layers.0.", 4);
    add_mlp("model.layers.0.", 256);
    add("model.layers.1.post_attention_layernorm.weight", {8});
    add("model.layers.1.mlp.linear_mlp.weight", {8, 8});
    add("model.layers.2.input_layernorm.weight", {8});
    add("model.layers.2.self_attn.linear_attn.weight", {8, 8});
    add_attention("model.layers.3.", 2);
    add_mlp("model.layers.3.", 512);
    add("model.norm.weight", {8});
    add("lm_head.weight", {13, 8});
    const auto values = random_values(static_cast<std::int64_t>(payload.size() / 4), 42, 0.5F);
    std::memcpy(payload.data(), values.data(), payload.size());
  }

 private:
  void add_attention(const std::string& layer, std::int64_t keys) {
    add(layer + "input_layernorm.weight", {8});
    add(layer + "self_attn.q_proj.weight", {8, 8});
    add(layer + "self_attn.k_proj.weight", {keys, 8});
    add(layer + "self_attn.v_proj.weight", {keys, 8});
    add(layer + "self_attn.o_proj.weight", {8, 8});
  }
  void add_mlp(const std::string& layer, std::int64_t size) {
    add(layer + "post_attention_layernorm.weight", {8});
    add(layer + "mlp.gate_proj.weight", {size, 8});
    add(layer + "mlp.up_proj.weight", {size, 8});
    add(layer + "mlp.down_proj.weight", {8, size});
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_plan_says_which_blocks_a_layer_has) {
  const TransformerConfig c = several_sizes();
  BOOST_TEST((layer_plan(c, 0).mixer == LayerPlan::Mixer::attention));
  BOOST_TEST((layer_plan(c, 1).mixer == LayerPlan::Mixer::none));
  BOOST_TEST((layer_plan(c, 1).mlp == LayerPlan::Mlp::linear));
  BOOST_TEST((layer_plan(c, 2).mixer == LayerPlan::Mixer::linear));
  BOOST_TEST((layer_plan(c, 2).mlp == LayerPlan::Mlp::none));
  BOOST_TEST((layer_plan(c, 3).mlp == LayerPlan::Mlp::dense));
}

/// Keys of one group and of two lie in caches of their own widths.
BOOST_AUTO_TEST_CASE(token_by_token_gives_what_all_at_once_gives) {
  const TemporaryFolder folder;
  TinyBlocks().write(folder.file("model"));
  const Checkpoint checkpoint = open_checkpoint(folder.file("model"));
  const std::unique_ptr<Backend> backend = make_cpu_backend({2, nullptr});
  Decoder decoder(checkpoint, *backend);
  const std::vector<std::int64_t> tokens{1, 5, 12, 0, 3, 3, 7, 9, 2, 11};
  const auto run = [&](std::size_t piece) {
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
  };
  const std::vector<float> whole = run(tokens.size()), single = run(1);
  BOOST_TEST_REQUIRE(whole.size() == 130u);
  BOOST_TEST_REQUIRE(whole.size() == single.size());
  float largest = 0, worst = 0;
  for (std::size_t k = 0; k < whole.size(); ++k) {
    largest = std::max(largest, std::abs(whole[k]));
    worst = std::max(worst, std::abs(whole[k] - single[k]));
  }
  BOOST_TEST(largest > 0.1F);
  BOOST_TEST(worst <= 1e-5F * largest);
}

BOOST_AUTO_TEST_CASE(sizes_that_do_not_fit_are_refused) {
  const auto refused = [](const TransformerConfig& c, const std::string& words) {
    BOOST_CHECK_EXCEPTION(require_supported(c, "model"), InputError, message_has(words));
  };
  BOOST_CHECK_NO_THROW(require_supported(several_sizes(), "model"));
  TransformerConfig c = several_sizes();
  c.heterogeneous->num_query_groups[0] = 3;
  refused(c, "heterogeneous.num_query_groups = 3; expected a divisor of num_attention_heads");
  c = several_sizes();
  c.heterogeneous->ffn_hidden_size[0] = -2;
  refused(c, "heterogeneous.ffn_hidden_size = -2");
  c = several_sizes();
  c.heterogeneous->ffn_hidden_size.pop_back();
  refused(c, "heterogeneous.ffn_hidden_size = 3 entries; expected one for each layer");
  c = several_sizes();
  c.parallel_residual = true;
  refused(c, "layers of several sizes with parallel_residual");
}

BOOST_AUTO_TEST_SUITE_END()
