// Mappings, layouts and their algebra: inverse, coverage, tiling by ranks.
#include "mhub/mapping/mapping.hpp"

#include <map>
#include <numeric>
#include <set>

#include <boost/test/unit_test.hpp>

#include "mapping/random_views.hpp"
#include "mapping/state_values.hpp"
#include "mhub/base/error.hpp"
#include "mhub/parallel/layout.hpp"

using namespace mhub;
using namespace mhub::tests;

namespace {

/// A random decoder: all transforms that step 1 has, with random sizes that TP and PP can split.
Mapping random_mapping(std::mt19937& random, int tp, int pp, LayoutRequest& request) {
  const std::int64_t groups = tp * uniform(random, 1, 2), per_group = uniform(random, 1, 3),
                     dim = 2 * uniform(random, 1, 2);
  const AttentionHeads heads{groups * per_group, groups, dim};
  const std::int64_t h = uniform(random, 2, 5), f = tp * uniform(random, 1, 3), v = uniform(random, 5, 11);
  const bool tied = uniform(random, 0, 1) == 1;
  request.sizes.tensor = tp;
  request.sizes.pipeline = pp;
  request.num_layers = pp * uniform(random, 1, 2);
  request.padded_vocab_size = padded_vocabulary(v, uniform(random, 1, 4), tp);
  request.tied_embedding = tied;
  request.impl = uniform(random, 0, 1) == 1 ? TransformerImpl::local : TransformerImpl::transformer_engine;
  const std::string layer = "decoder.layers.{i}.", hf = "l.{i}.";
  Mapping map;
  map.index("i", request.num_layers);
  map.rule("embedding.word_embeddings.weight", vocabulary("embed", {v, h}));
  map.rule(layer + "self_attention.linear_qkv.layer_norm_weight", replicated(hf + "norm", {h}));
  if (uniform(random, 0, 1) == 1) {
    map.rule(layer + "self_attention.linear_qkv.weight", qkv(hf + "{q,k,v}", heads, {h}));
    map.rule(layer + "self_attention.linear_qkv.bias", qkv(hf + "{q,k,v}_bias", heads, {}));
  } else {
    map.rule(layer + "self_attention.linear_qkv.weight", transposed(fused_qkv(hf + "qkv", heads, {h})));
    map.rule(layer + "self_attention.linear_qkv.bias", fused_qkv(hf + "qkv_bias", heads, {}));
  }
  map.rule(layer + "self_attention.linear_proj.weight", transposed(row(hf + "o", {h, heads.query * dim})));
  map.rule(layer + "mlp.linear_fc1.weight", gated(hf + "{gate,up}", f, {h}));
  map.rule(layer + "mlp.linear_fc2.weight", row(hf + "down", {h, f}));
  map.rule("decoder.final_layernorm.weight", replicated("final", {h}));
  if (!tied) map.rule("output_layer.weight", vocabulary("head", {v, h}));
  return map;
}

std::string numbered(const std::string& text, std::int64_t n) { return substitute(text, {{"i", n}}); }

}  // namespace

BOOST_AUTO_TEST_CASE(plan_then_inverse_is_the_identity) {
  std::mt19937 random(5);
  for (int round = 0; round < 400; ++round) {
    const int tp = static_cast<int>(uniform(random, 1, 4)), pp = static_cast<int>(uniform(random, 1, 3));
    LayoutRequest request;
    const ExpandedMapping mapping = expand(random_mapping(random, tp, pp, request));
    for (const bool dist : {true, false}) {
      const Layout layout =
          dist ? torch_dist_layout(mapping.canonical, request) : torch_layout(mapping.canonical, request);
      const StateMap forward = compose(mapping.import, layout.map, "test");
      check_destination_coverage(forward, "test");
      check_source_coverage(forward, "test");
      const Values source = numbered_values(forward.source);
      const Values stored = applied(forward, source);
      // Back through the inverse layout and the inverse mapping: two maps, and their composition.
      const StateMap back = compose(inverted(layout.map), inverted(mapping.import), "test");
      BOOST_REQUIRE(applied(back, stored) == source);
      BOOST_REQUIRE(applied(inverted(mapping.import), applied(inverted(layout.map), stored)) == source);
    }
  }
}

BOOST_AUTO_TEST_CASE(rank_slices_and_chunks_tile_the_whole) {
  std::mt19937 random(6);
  for (int round = 0; round < 300; ++round) {
    const int tp = static_cast<int>(uniform(random, 1, 4)), pp = static_cast<int>(uniform(random, 1, 3));
    LayoutRequest request;
    const ExpandedMapping mapping = expand(random_mapping(random, tp, pp, request));
    // torch_dist: the chunks of all ranks cover every stored tensor once.
    for (const SinkTensor& tensor : torch_dist_layout(mapping.canonical, request).tensors) {
      std::int64_t elements = 0;
      std::set<Index> starts;
      for (const SinkChunk& chunk : tensor.chunks) {
        elements += numel(chunk.shape);
        BOOST_REQUIRE(starts.insert(chunk.offset).second);
        BOOST_REQUIRE(chunk.rank >= 0 && chunk.rank < tp * pp);
      }
      BOOST_REQUIRE_EQUAL(elements, numel(tensor.shape));
    }
    // torch: leaving copies out, ranks hold every canonical element exactly once; with them, every rank is
    // complete.
    const Layout ranks = torch_layout(mapping.canonical, request);
    check_destination_coverage(ranks.map, "test");
    check_source_coverage(ranks.map, "test");
  }
}

BOOST_AUTO_TEST_CASE(qkv_interleaves_by_query_group) {
  // Two groups of two query heads of one row each: q0 q1 k0 v0 q2 q3 k1 v1.
  Mapping map;
  map.rule("qkv", qkv("{q,k,v}", {4, 2, 1}, {1}));
  const ExpandedMapping mapping = expand(map);
  const Values out = applied(mapping.import, {{0, 1, 2, 3}, {10, 11}, {20, 21}});
  BOOST_TEST(out[0] == (std::vector<std::int64_t>{0, 1, 10, 20, 2, 3, 11, 21}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(gate_and_up_are_cut_apart_per_rank) {
  Mapping map;
  map.index("i", 1);
  map.rule("decoder.layers.{i}.mlp.linear_fc1.weight", gated("{gate,up}", 4, {1}));
  const ExpandedMapping mapping = expand(map);
  LayoutRequest request;
  request.sizes.tensor = 2;
  request.num_layers = 1;
  const Layout layout = torch_layout(mapping.canonical, request);
  const Values ranks = applied(compose(mapping.import, layout.map, "test"), {{0, 1, 2, 3}, {10, 11, 12, 13}});
  BOOST_TEST(ranks[0] == (std::vector<std::int64_t>{0, 1, 10, 11}), boost::test_tools::per_element());
  BOOST_TEST(ranks[1] == (std::vector<std::int64_t>{2, 3, 12, 13}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(declarations_that_contradict_themselves_are_refused) {
  auto refused = [](const std::string& text, const auto& declare) {
    std::string message = "nothing thrown";
    try {
      Mapping map;
      map.index("i", 2);
      declare(map);
      expand(map);
    } catch (const std::logic_error& error) {
      message = error.what();
    }
    BOOST_TEST(message.find(text) != std::string::npos, "expected \"" << text << "\" in: " << message);
  };
  refused("two rules make a", [](Mapping& m) {
    m.rule("a", replicated("x", {2}));
    m.rule("a", replicated("y", {2}));
  });
  refused("read twice", [](Mapping& m) {
    m.rule("a", replicated("x", {2}));
    m.rule("b", replicated("x", {2}));
  });
  refused("no range", [](Mapping& m) { m.rule("a.{e}", replicated("x.{e}", {2})); });
  refused("in another rule", [](Mapping& m) {
    m.rule("a.{i}", stacked(replicated("x", {2}), "i", 2));
    m.rule("b", replicated("x", {3}));
  });
  refused("the mapping reads 4", [](Mapping& m) { m.rule("a.{i}", stacked(replicated("x", {2}), "i", 3)); });
  refused("query heads do not form", [](Mapping& m) { m.rule("a", qkv("{q,k,v}", {5, 2, 1}, {1})); });
  refused("written twice", [](Mapping& m) {
    m.rule("a",
           custom("bad", {{"x", {2}, {run_box(0, 0, 2)}, {}}, {"y", {2}, {run_box(0, 1, 2)}, {}}}, {4}, {}));
  });
  refused("the mapping makes 2", [](Mapping& m) {
    m.rule("a", custom("bad", {{"x", {2}, {run_box(0, 0, 2)}, {}}}, {4}, {}));
  });
}

BOOST_AUTO_TEST_CASE(patterns) {
  BOOST_TEST(expand_alternatives("a.{q,k,v}.b{0,1}") ==
                 (std::vector<std::string>{"a.q.b0", "a.q.b1", "a.k.b0", "a.k.b1", "a.v.b0", "a.v.b1"}),
             boost::test_tools::per_element());
  BOOST_TEST(numbered("layers.{i}.x.{i+61}", 3) == "layers.3.x.64");
  BOOST_CHECK_THROW(numbered("layers.{j}", 3), std::logic_error);
  BOOST_CHECK_THROW(expand_alternatives("a{b"), std::logic_error);
  BOOST_TEST(glob_match("*.attention.*.weight", "h.0.attention.q.weight"));
  BOOST_TEST(!glob_match("*.attention.*.weight", "h.0.mlp.q.weight"));
  BOOST_TEST(glob_match("layer?[0-3]*", "layers2.x"));
  BOOST_TEST(!glob_match("[!a]b", "ab"));
  BOOST_TEST(glob_match("a*b*c", "a__b__b_c"));
  BOOST_TEST(!glob_match("", "a"));
}

BOOST_AUTO_TEST_CASE(splits_that_megatron_cannot_make_are_refused) {
  std::mt19937 random(7);
  LayoutRequest request;
  const ExpandedMapping mapping = expand(random_mapping(random, 2, 2, request));
  request.sizes.tensor = 64;
  BOOST_CHECK_EXCEPTION(torch_layout(mapping.canonical, request), InputError, message_has("TP=64"));
  request.sizes.tensor = 2;
  request.sizes.pipeline = 17;
  BOOST_CHECK_EXCEPTION(torch_dist_layout(mapping.canonical, request), InputError, message_has("PP=17"));
}
