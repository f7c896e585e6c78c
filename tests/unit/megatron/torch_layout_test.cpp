// SPDX-License-Identifier: Apache-2.0
// Which tensors the ranks of a `torch` checkpoint have, and what a checkpoint's ranks say of its layout.
#include <set>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/megatron/layout.hpp"

BOOST_AUTO_TEST_SUITE(torch_layouts)

using namespace mhub;
using namespace mhub::tests;

namespace {

ParallelSizes sizes(int tensor, int pipeline, int virtual_pipeline, int expert) {
  return {tensor, pipeline, virtual_pipeline, expert, 1};
}

/// Four layers of experts, an MTP block, no output layer of its own.
std::vector<CanonicalTensor> tied_model() {
  Mapping map;
  map.index("i", 4).index("e", 2).index("t", 1);
  map.rule("embedding.word_embeddings.weight", vocabulary("embed", {7, 2}));
  map.rule("decoder.layers.{i}.self_attention.linear_qkv.layer_norm_weight", replicated("{i}.norm", {2}));
  map.rule("decoder.layers.{i}.self_attention.linear_qkv.weight", qkv("{i}.{q,k,v}", {2, 2, 1}, {2}));
  map.rule("decoder.layers.{i}.mlp.experts.local_experts.{e}.linear_fc2.weight", row("{i}.{e}", {2, 2}));
  map.rule("mtp.layers.{t}.transformer_layer.self_attention.linear_proj.weight", row("mtp.{t}", {2, 2}));
  map.rule("decoder.final_layernorm.weight", replicated("final", {2}));
  return expand(map).canonical;
}

LayoutRequest request(const ParallelSizes& job) {
  LayoutRequest one(job, PipelineSplit(4, job));
  one.padded_vocab_size = 8;
  one.tied_embedding = one.has_mtp = true;
  return one;
}

/// The names of stored tensors of a kind.
std::set<std::string> names(const Layout& layout, bool copies) {
  std::set<std::string> found;
  for (std::size_t k = 0; k < layout.tensors.size(); ++k) {
    if ((layout.map.terms[k].front().kind == Term::Kind::copy) == copies)
      found.insert(layout.tensors[k].name);
  }
  return found;
}

/// Seven layers of which some have no tensors (heterogeneous_layer_specs.py).
std::vector<CanonicalTensor> model_with_empty_layers() {
  Mapping map;
  map.index("i", 7);
  map.rule("decoder.layers.{i}.mlp.linear_fc2.weight", row("{i}.down", {2, 2})).only("i", {0, 2, 5});
  return expand(map).canonical;
}

/// What the ranks of a layout say of it.
LayoutRequest read_back(const Layout& layout, bool with_tensors = true,
                        std::optional<std::int64_t> vocabulary_rows = {},
                        const std::vector<CanonicalTensor>& model = tied_model(), std::int64_t layers = 4) {
  StoredFacts facts{"somewhere", {}, nlohmann::json::object(), vocabulary_rows};
  std::vector<StoredTensor> tensors;
  std::set<std::string> ranks;
  for (const SinkTensor& tensor : layout.tensors) {
    ranks.insert(tensor.dict->folder);
    if (with_tensors) tensors.push_back({tensor.name, DType::f32, tensor.shape, {}, tensor.dict});
  }
  facts.ranks.assign(ranks.begin(), ranks.end());
  TransformerConfig config;
  config.num_layers = layers;
  config.vocab_size = 7;
  return stored_layout(facts, TensorSource(std::move(tensors)), model, config);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_last_stage_has_copies_of_the_embedding) {
  const Layout layout = torch_layout(tied_model(), request(sizes(1, 2, 1, 1)));
  BOOST_TEST(
      names(layout, true) == (std::set<std::string>{"mp_rank_00_001/output_layer.weight",
                                                    "mp_rank_00_001/embedding.word_embeddings.weight"}),
      boost::test_tools::per_element());
  BOOST_TEST(names(layout, false)
                 .contains("mp_rank_00_001/mtp.layers.0.mtp_model_layer.self_attention."
                           "linear_proj.weight"));
  BOOST_TEST(names(layout, false).contains("mp_rank_00_001/decoder.final_layernorm.weight"));
  // One stage needs none.
  BOOST_TEST(names(torch_layout(tied_model(), request(sizes(1, 1, 1, 1))), true).empty());
}

BOOST_AUTO_TEST_CASE(every_rank_has_what_is_not_split) {
  const Layout layout = torch_layout(tied_model(), request(sizes(2, 1, 1, 1)));
  const std::set<std::string> copies = names(layout, true);
  BOOST_TEST(copies.contains("mp_rank_01/decoder.final_layernorm.weight"));
  BOOST_TEST(copies.contains("mp_rank_01/decoder.layers.3.self_attention.linear_qkv.layer_norm_weight"));
  BOOST_TEST(!copies.contains("mp_rank_01/decoder.layers.3.self_attention.linear_qkv.weight"));
}

BOOST_AUTO_TEST_CASE(more_rows_than_there_are_said_to_be_are_refused) {
  const Layout layout = torch_layout(tied_model(), request(sizes(2, 1, 1, 1)));
  BOOST_TEST(read_back(layout, true, 8).padded_vocab_size == 8);
  BOOST_CHECK_EXCEPTION(read_back(layout, true, 7), InputError,
                        message_has("word_embeddings", "8 rows", "say 7"));
}

BOOST_AUTO_TEST_CASE(ranks_say_their_layout) {
  const auto check = [](const ParallelSizes& job) {
    const LayoutRequest found = read_back(torch_layout(tied_model(), request(job)));
    BOOST_TEST(found.sizes.tensor == job.tensor);
    BOOST_TEST(found.sizes.pipeline == job.pipeline);
    BOOST_TEST(found.sizes.virtual_pipeline == job.virtual_pipeline);
    BOOST_TEST(found.sizes.expert == job.expert);
    BOOST_TEST(found.padded_vocab_size == 8);
    BOOST_TEST((found.experts == ExpertNames::grouped));
    BOOST_TEST(found.mtp_block_name == "mtp_model_layer");
    for (std::int64_t layer = 0; layer < 4; ++layer)
      BOOST_TEST((found.split.place_of_layer(layer) == request(job).split.place_of_layer(layer)));
  };
  check(sizes(1, 1, 1, 1));
  check(sizes(1, 2, 1, 1));
  check(sizes(1, 1, 1, 2));  // as many folders as with two stages, with the same names
  check(sizes(2, 2, 2, 1));
  check(sizes(1, 2, 2, 2));
}

BOOST_AUTO_TEST_CASE(spellings_are_found) {
  LayoutRequest local = request(sizes(1, 1, 1, 1));
  local.impl = TransformerImpl::local;
  local.experts = ExpertNames::sequential;
  local.mtp_block_name = "transformer_layer";
  const LayoutRequest found = read_back(torch_layout(tied_model(), local));
  BOOST_TEST((found.impl == TransformerImpl::local));
  BOOST_TEST((found.experts == ExpertNames::sequential));
  BOOST_TEST(found.mtp_block_name == "transformer_layer");
}

BOOST_AUTO_TEST_CASE(incomplete_checkpoints_are_refused) {
  Layout layout = torch_layout(tied_model(), request(sizes(1, 2, 1, 1)));
  BOOST_CHECK_EXCEPTION(read_back(layout, false), InputError,
                        message_has("has 0 layers with tensors in all, expected 4"));
  std::erase_if(layout.tensors, [](const SinkTensor& one) { return one.dict->folder == "mp_rank_00_000"; });
  BOOST_CHECK_THROW(read_back(layout), InputError);
}

/// experimental_attention_variant_module_specs.py, _validate_dsa_index_share_pipeline_split.
BOOST_AUTO_TEST_CASE(choices_of_tokens_stay_within_a_stage) {
  TransformerConfig config;
  config.num_layers = 4;
  config.num_query_groups = 4;
  config.sparse_attention.emplace().topk_freq = 2;  // layers 1 and 3 choose
  const auto limits = [&](const ParallelSizes& job, const PipelineOptions& options = {}) {
    return layout_limits(config, LayoutRequest(job, PipelineSplit(4, job, options)));
  };
  const ParallelSizes halves = sizes(1, 2, 1, 1), quarters = sizes(1, 4, 1, 1);
  BOOST_TEST(limits(halves).empty());
  BOOST_REQUIRE(limits(quarters).size() == 1U);
  BOOST_TEST(limits(quarters).front().find("layer 2 looks at the tokens that layer 1 chose") !=
             std::string::npos);
  config.sparse_attention->skip_topk_offset = 2;  // 1, 2 and 4
  BOOST_TEST(limits(halves).size() == 1U);
  PipelineOptions uneven;
  uneven.layout = "Ettt|tL";
  BOOST_TEST(limits(halves, uneven).empty());
  config.sparse_attention.reset();
  BOOST_TEST(limits(quarters).empty());
}

/// Layers without tensors leave no trace in files: what is behind them says where they are.
BOOST_AUTO_TEST_CASE(stages_begin_where_their_first_tensors_are) {
  using Counts = std::vector<std::vector<std::int64_t>>;
  const std::vector<CanonicalTensor> model = model_with_empty_layers();
  for (const Counts& counts :
       {Counts{{2}, {3}, {2}}, Counts{{7}}, Counts{{2, 1}, {2, 2}}, Counts{{1}, {4}, {2}}}) {
    LayoutRequest one(sizes(1, static_cast<int>(counts.size()), static_cast<int>(counts[0].size()), 1),
                      PipelineSplit(counts));
    const LayoutRequest read = read_back(torch_layout(model, one), true, {}, model, 7);
    BOOST_TEST(read.split.layers() == 7);
    for (const std::int64_t layer : {0, 2, 5}) {
      BOOST_TEST((read.split.place_of_layer(layer) == one.split.place_of_layer(layer)));
    }
  }
  Layout incomplete = torch_layout(model, LayoutRequest(sizes(1, 1, 1, 1), PipelineSplit(Counts{{7}})));
  incomplete.tensors.pop_back();
  BOOST_CHECK_EXCEPTION(read_back(incomplete, true, {}, model, 7), InputError,
                        message_has("has 2 layers with tensors in all, expected 3"));
  incomplete = torch_layout(model, LayoutRequest(sizes(1, 1, 1, 1), PipelineSplit(Counts{{7}})));
  incomplete.tensors[1].name = "mp_rank_00/decoder.layers.3.mlp.linear_fc2.weight";
  incomplete.tensors[1].dict = incomplete.tensors[0].dict;
  BOOST_CHECK_EXCEPTION(read_back(incomplete, true, {}, model, 7), InputError,
                        message_has("layer 3 of mp_rank_00"));
}

BOOST_AUTO_TEST_SUITE_END()
