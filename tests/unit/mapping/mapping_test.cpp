// SPDX-License-Identifier: Apache-2.0
// Mappings, layouts and their algebra: inverse, coverage, tiling by ranks.
#include "mhub/mapping/mapping.hpp"

#include <array>
#include <map>
#include <numeric>
#include <set>

#include <boost/test/unit_test.hpp>

#include "mapping/random_views.hpp"
#include "mapping/state_values.hpp"
#include "mhub/base/config_error.hpp"
#include "mhub/base/error.hpp"
#include "mhub/megatron/layout.hpp"

BOOST_AUTO_TEST_SUITE(mapping_tests)

using namespace mhub;
using namespace mhub::tests;

namespace {

/// A random job: sizes, spread of layers, names and keys.
LayoutRequest random_request(std::mt19937& random) {
  ParallelSizes sizes;
  auto size = [&](int most) { return static_cast<int>(uniform(random, 1, most)); };
  sizes.tensor = size(4);
  sizes.pipeline = size(3);
  sizes.virtual_pipeline = sizes.pipeline > 1 ? size(2) : 1;
  sizes.expert = size(3);
  sizes.expert_tensor = sizes.tensor % 2 == 0 && size(2) == 1 ? sizes.tensor / 2 : sizes.tensor;
  PipelineOptions options;
  std::int64_t layers = sizes.pipeline * sizes.virtual_pipeline * size(2);
  if (sizes.pipeline == 3 && sizes.virtual_pipeline == 1 && size(2) == 1) {
    options.first_stage_layers = 1;
    layers = 1 + 2 * size(2);
  } else if (layers > 2 && size(2) == 1) {
    options.account_for_embedding = options.account_for_loss = true;
    layers -= 2;
  }
  LayoutRequest request(sizes, PipelineSplit(layers, sizes, options));
  request.tied_embedding = size(2) == 1;
  request.impl = size(2) == 1 ? TransformerImpl::local : TransformerImpl::transformer_engine;
  request.experts = size(2) == 1 ? ExpertNames::sequential : ExpertNames::grouped;
  request.keys.stack_layers = size(2) == 1;
  request.keys.singleton = !request.keys.stack_layers && size(2) == 1;
  return request;
}

/// The decoder as a module beside an encoder of three layers, of which `used` are the model's.
Mapping with_encoder(const Mapping& decoder, int tp, std::int64_t used) {
  Mapping encoder;
  encoder.index("i", 3);
  encoder.rule("conv1.weight", replicated("patches", {3, 2}));
  encoder.rule("decoder.layers.{i}.self_attention.linear_qkv.weight",
               qkv("e.{i}.{q,k,v}", {2 * tp, tp, 2}, {3}));
  encoder.rule("decoder.layers.{i}.mlp.linear_fc2.weight", row("e.{i}.down", {3, 2 * tp}));
  encoder.carried("norm", {3});
  encoder.carry_from("i", used);
  Mapping map;
  map.include(decoder, {"language_model.", "text."});
  map.include(encoder, {"vision_model.", "vision.", "v"});
  return map;
}

/// A random decoder with dense layers or experts, with random sizes that the job can split.
Mapping random_mapping(std::mt19937& random, LayoutRequest& request) {
  const int tp = request.sizes.tensor, etp = request.sizes.expert_tensor;
  const std::int64_t groups = tp * uniform(random, 1, 2), per_group = uniform(random, 1, 3),
                     dim = 2 * uniform(random, 1, 2);
  const AttentionHeads heads{groups * per_group, groups, dim};
  const std::int64_t h = uniform(random, 2, 5), f = tp * uniform(random, 1, 3), v = uniform(random, 5, 11);
  request.padded_vocab_size = padded_vocabulary(v, uniform(random, 1, 4), tp);
  const std::string layer = "decoder.layers.{i}.", hf = "l.{i}.";
  Mapping map;
  map.index("i", request.split.layers());
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
  if (uniform(random, 0, 1) == 1) {
    const std::int64_t experts = request.sizes.expert * uniform(random, 1, 2),
                       ef = etp * uniform(random, 1, 2);
    map.index("e", experts);
    map.rule(layer + "pre_mlp_layernorm.weight", replicated(hf + "mlp_norm", {h}));
    map.rule(layer + "mlp.router.weight", replicated(hf + "router", {experts, h}));
    const std::string expert = layer + "mlp.experts.local_experts.{e}.";
    map.rule(expert + "linear_fc1.weight", gated(hf + "{e}.{gate,up}", ef, {h}));
    map.rule(expert + "linear_fc2.weight", stacked(transposed(row(hf + "down", {h, ef})), "e", experts));
  } else {
    map.rule(layer + "mlp.linear_fc1.weight", gated(hf + "{gate,up}", f, {h}));
    map.rule(layer + "mlp.linear_fc2.weight", row(hf + "down", {h, f}));
  }
  // Five segments that torch_dist keeps under keys of their own.
  Transform mixer = concatenated(hf + "{z,x,B,C,dt}", {tp, 2 * tp, tp, tp, tp}, {h});
  constexpr std::array kRoles{Role::z, Role::x, Role::B, Role::C, Role::dt};
  for (std::size_t k = 0; k < kRoles.size(); ++k) mixer.partition.segments[k].role = kRoles[k];
  map.rule(layer + "mixer.in_proj.weight", mixer);
  map.rule("decoder.final_layernorm.weight", replicated("final", {h}));
  if (!request.tied_embedding) map.rule("output_layer.weight", vocabulary("head", {v, h}));
  return uniform(random, 0, 1) == 1 ? with_encoder(map, tp, uniform(random, 0, 3)) : map;
}

std::string numbered(const std::string& text, std::int64_t n) { return substitute(text, {{"i", n}}); }

}  // namespace

BOOST_AUTO_TEST_CASE(plan_then_inverse_is_the_identity) {
  std::mt19937 random(5);
  for (int round = 0; round < 400; ++round) {
    LayoutRequest request = random_request(random);
    const ExpandedMapping mapping = expand(random_mapping(random, request));
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

BOOST_AUTO_TEST_CASE(padding_and_copies_turn_and_compose_like_all_terms) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    LayoutRequest request = random_request(random);
    const ExpandedMapping mapping = expand(random_mapping(random, request));
    const Layout dist = torch_dist_layout(mapping.canonical, request);
    const Layout ranks = torch_layout(mapping.canonical, request);
    const Values canonical = numbered_values(ranks.map.source);
    const Values stored = applied(ranks.map, canonical);
    // Turned twice, a layout is itself again, with its zeros and copies.
    const StateMap back = inverted(ranks.map);
    BOOST_REQUIRE(applied(inverted(back), canonical) == stored);
    // From ranks to keys and back, padding of both included; no copy is read twice.
    const StateMap reshard = compose(back, dist.map, "test");
    BOOST_REQUIRE(applied(reshard, stored) == applied(dist.map, canonical));
    check_destination_coverage(reshard, "test");
    check_source_coverage(reshard, "test");
    check_source_coverage(back, "test");
    BOOST_REQUIRE(applied(compose(inverted(dist.map), ranks.map, "test"), applied(dist.map, canonical)) ==
                  stored);
    // What the way back checks are the tensors that ranks have more than once.
    for (const StateMap* checked : {&back, &reshard}) {
      const Copies copies = checked_copies(*checked);
      const Values expected = applied(copies.map, checked == &back ? canonical : applied(reshard, stored));
      for (std::size_t k = 0; k < copies.source.size(); ++k) {
        BOOST_REQUIRE_EQUAL(copies.map.destination[k].name, ranks.map.destination[copies.source[k]].name);
        BOOST_REQUIRE(expected[k] == stored[copies.source[k]]);
      }
      std::size_t repeats = 0;
      for (const std::vector<Term>& terms : ranks.map.terms)
        repeats += terms.front().kind == Term::Kind::copy ? 1 : 0;
      BOOST_REQUIRE_EQUAL(copies.source.size(), repeats);
    }
    BOOST_REQUIRE(checked_copies(inverted(dist.map)).source.empty());
  }
}

BOOST_AUTO_TEST_CASE(rank_slices_and_chunks_tile_the_whole) {
  std::mt19937 random(6);
  for (int round = 0; round < 300; ++round) {
    LayoutRequest request = random_request(random);
    const ExpandedMapping mapping = expand(random_mapping(random, request));
    const int world = static_cast<int>(stage_ranks(request.sizes).size()) * request.sizes.pipeline;
    // torch_dist: the chunks of all ranks cover every stored tensor once.
    for (const SinkTensor& tensor : torch_dist_layout(mapping.canonical, request).tensors) {
      std::int64_t elements = 0;
      std::set<Index> starts;
      for (const SinkChunk& chunk : tensor.chunks) {
        elements += numel(chunk.shape);
        BOOST_REQUIRE(starts.insert(chunk.offset).second);
        BOOST_REQUIRE(chunk.rank >= 0 && chunk.rank < world);
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
  ParallelSizes sizes;
  sizes.tensor = 2;
  const LayoutRequest request(sizes, PipelineSplit(1, sizes));
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
  refused("written twice", [](Mapping& m) {
    m.rule("a",
           custom("bad", {{"x", {2}, {run_box(0, 0, 2)}, {}}, {"y", {2}, {run_box(0, 1, 2)}, {}}}, {4}, {}));
  });
  refused("the mapping makes 2", [](Mapping& m) {
    m.rule("a", custom("bad", {{"x", {2}, {run_box(0, 0, 2)}, {}}}, {4}, {}));
  });
}

BOOST_AUTO_TEST_CASE(numbers_of_a_config_that_do_not_fit_are_bad_input) {
  BOOST_CHECK_THROW(qkv("{q,k,v}", {5, 2, 1}, {1}), ConfigError);
  Mapping map;
  BOOST_CHECK_THROW(map.index("i", -1), ConfigError);
  BOOST_CHECK_EXCEPTION(map.index("i", 3'000'000), ConfigError, message_has("{i}", "3000000"));
  map.index("i", 1 << 10).index("e", 1 << 10).rule("a.{i}.{e}", replicated("x.{i}.{e}", {2}));
  BOOST_CHECK_EXCEPTION(expand(map), ConfigError,
                        message_has("more than 131072 tensors", "{e} up to 1024, {i} up to 1024"));
  // Rules that are each within the limit.
  Mapping many;
  many.index("i", 1 << 16);
  for (const char* name : {"a", "b", "c"})
    many.rule(name + std::string(".{i}"), replicated(std::string(name) + "{i}", {2}));
  BOOST_CHECK_EXCEPTION(expand(many), ConfigError, message_has("more than 131072 tensors"));
}

BOOST_AUTO_TEST_CASE(all_contradictions_are_listed) {
  Mapping map;
  map.rule("a", replicated("x", {2}));
  BOOST_TEST(contradictions(map).empty());
  map.rule("a", replicated("y", {2}));
  map.rule("b", replicated("x", {3}));
  const std::vector<std::string> problems = contradictions(map);
  BOOST_REQUIRE_EQUAL(problems.size(), 2U);
  BOOST_TEST(problems[0] == "two rules make a");
  BOOST_TEST(problems[1].find("in another rule") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(patterns) {
  BOOST_TEST(expand_alternatives("a.{q,k,v}.b{0,1}") ==
                 (std::vector<std::string>{"a.q.b0", "a.q.b1", "a.k.b0", "a.k.b1", "a.v.b0", "a.v.b1"}),
             boost::test_tools::per_element());
  BOOST_TEST(numbered("layers.{i}.x.{i+61}", 3) == "layers.3.x.64");
  BOOST_TEST(numbered("layers.{i/2}.x.{i}", 4) == "layers.2.x.4");
  BOOST_TEST(numbered("layers.{i/2}.x.{i}", 5) == "layers.2.x.5");
  BOOST_CHECK_THROW(numbered("layers.{j}", 3), std::logic_error);
  BOOST_CHECK_THROW(numbered("layers.{i/0}", 3), std::logic_error);
  BOOST_CHECK_THROW(numbered("layers.{i/}", 3), std::logic_error);
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
  LayoutRequest request = random_request(random);
  const ExpandedMapping mapping = expand(random_mapping(random, request));
  request.sizes.tensor = 64;
  BOOST_CHECK_EXCEPTION(torch_layout(mapping.canonical, request), InputError, message_has("TP=64"));
  ParallelSizes sizes;
  sizes.pipeline = 17;
  BOOST_CHECK_EXCEPTION(PipelineSplit(34 + 1, sizes), InputError, message_has("17"));
  // ETP=4 with TP=2: one folder would stand for two ranks with different parts of an expert.
  ParallelSizes shared;
  shared.tensor = 2;
  shared.expert_tensor = 4;
  const LayoutRequest clash(shared, PipelineSplit(request.split.layers(), shared));
  BOOST_CHECK_EXCEPTION(torch_layout(mapping.canonical, clash), InputError, message_has("ETP=4"));
}

BOOST_AUTO_TEST_CASE(experts_go_to_their_ranks) {
  // TP=2 ETP=1 EP=2: the two ranks are two tensor-parallel halves of the dense layers and own one expert
  // each.
  Mapping map;
  map.index("i", 1).index("e", 2);
  map.rule("decoder.layers.{i}.mlp.experts.local_experts.{e}.linear_fc2.weight", row("{e}.down", {1, 2}));
  map.rule("decoder.layers.{i}.mlp.linear_fc2.weight", row("dense", {1, 2}));
  ParallelSizes sizes;
  sizes.tensor = 2;
  sizes.expert = 2;
  const Layout layout = torch_layout(expand(map).canonical, LayoutRequest(sizes, PipelineSplit(1, sizes)));
  std::map<std::string, Shape> tensors;
  for (const SinkTensor& tensor : layout.tensors) tensors[tensor.name] = tensor.shape;
  const std::map<std::string, Shape> expected{
      {"mp_rank_00_000/decoder.layers.0.mlp.experts.linear_fc2.weight0", {1, 2}},
      {"mp_rank_01_001/decoder.layers.0.mlp.experts.linear_fc2.weight0", {1, 2}},
      {"mp_rank_00_000/decoder.layers.0.mlp.linear_fc2.weight", {1, 1}},
      {"mp_rank_01_001/decoder.layers.0.mlp.linear_fc2.weight", {1, 1}}};
  BOOST_TEST((tensors == expected));
}

BOOST_AUTO_TEST_CASE(virtual_stages_take_turns) {
  // Megatron-Core transformer_block.py: 8 layers, 2 stages, 2 chunks: stage 0 has [0, 1] [4, 5].
  ParallelSizes sizes;
  sizes.pipeline = 2;
  sizes.virtual_pipeline = 2;
  const PipelineSplit split(8, sizes);
  BOOST_TEST((split.place_of_layer(1) == StagePlace{0, 0, 1}));
  BOOST_TEST((split.place_of_layer(2) == StagePlace{1, 0, 0}));
  BOOST_TEST((split.place_of_layer(5) == StagePlace{0, 1, 1}));
  BOOST_TEST((split.place_of(identity_of("decoder.final_layernorm.weight")) == StagePlace{1, 1, 0}));
}

BOOST_AUTO_TEST_CASE(layout_strings) {
  ParallelSizes sizes;
  sizes.pipeline = 4;
  PipelineOptions options;
  options.layout = "Et|(tt|)*2,t*3|tm|t|,t|L";  // 8 parts: two chunks
  BOOST_CHECK_EXCEPTION(PipelineSplit(11, sizes, options, 1), UsageError, message_has("before MTP"));
  options.layout = "Et|(tt|)*2,t*3|t|t|tm|L";
  BOOST_CHECK_EXCEPTION(PipelineSplit(12, sizes, options, 1), UsageError, message_has("places 11 layers"));
  const PipelineSplit split(11, sizes, options, 1);
  BOOST_TEST(split.chunks() == 2);
  BOOST_TEST((split.place_of_layer(0) == StagePlace{0, 0, 0}));
  BOOST_TEST((split.place_of_layer(7) == StagePlace{3, 0, 2}));
  BOOST_TEST((split.place_of_layer(8) == StagePlace{0, 1, 0}));
  BOOST_TEST((split.mtp() == StagePlace{2, 1, 0}));
  for (const char* bad : {"tE|L", "Et|t", "E(t|L", "Ex|L", "E*99999999999999999999|L", "EL"}) {
    options.layout = bad;
    sizes.pipeline = 2;
    BOOST_CHECK_THROW(PipelineSplit(1, sizes, options), UsageError);
  }
}

BOOST_AUTO_TEST_SUITE_END()
