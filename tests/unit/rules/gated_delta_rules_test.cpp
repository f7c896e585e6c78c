// SPDX-License-Identifier: Apache-2.0
// Layers of gated delta net beside gated attention: every element has its place, heads stay whole on every
// rank, and both ways of storing the projections give the same Megatron tensor.
#include <map>
#include <stdexcept>

#include <boost/test/unit_test.hpp>

#include "mapping/state_values.hpp"
#include "mhub/base/error.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/rules/decoder_rules.hpp"
#include "mhub/rules/mixer_rules.hpp"

BOOST_AUTO_TEST_SUITE(gated_delta_rules_tests)

using namespace mhub;
using namespace mhub::tests;

namespace {

TransformerConfig small() {
  TransformerConfig c;
  c.num_layers = 4;
  c.hidden_size = 3;
  c.ffn_hidden_size = 4;
  c.num_attention_heads = 4;
  c.num_query_groups = 2;
  c.kv_channels = 2;
  c.vocab_size = 5;
  c.attention_output_gate = true;
  c.linear_attention.emplace();
  c.linear_attention->layer_freq = {1, 1, 1, 0};
  c.linear_attention->key_head_dim = 2;
  c.linear_attention->value_head_dim = 3;
  c.linear_attention->num_key_heads = 2;
  c.linear_attention->num_value_heads = 4;
  return c;
}

Mapping mapping_of(const TransformerConfig& c, DeltaProjections projections) {
  Mapping map;
  add_ends(map, c, {});
  add_attention(map, c, {}, layers_with(c.linear_attention->layer_freq, 0));
  add_gated_delta_net(map, c, {}, "linear_attn", projections, layers_with(c.linear_attention->layer_freq, 1));
  add_dense_mlp(map, c, {});
  return map;
}

const CanonicalTensor& tensor(const ExpandedMapping& mapping, const std::string& name) {
  for (const CanonicalTensor& one : mapping.canonical) {
    if (one.name == name) return one;
  }
  throw std::runtime_error("no tensor " + name);
}

/// Values of the Megatron tensor `name` when the Hugging Face tensors have the given ones.
std::vector<std::int64_t> made(const ExpandedMapping& mapping, const std::string& name,
                               const std::map<std::string, std::vector<std::int64_t>>& given) {
  Values source;
  for (const StateTensor& one : mapping.import.source) {
    const auto found = given.find(one.name);
    source.push_back(found != given.end()
                         ? found->second
                         : std::vector<std::int64_t>(static_cast<std::size_t>(numel(one.shape)), 0));
  }
  const Values all = applied(mapping.import, source);
  for (std::size_t d = 0; d < all.size(); ++d) {
    if (mapping.import.destination[d].name == name) return all[d];
  }
  throw std::runtime_error("no tensor " + name);
}

/// Rows of `width` elements, each full of its number in `rows`.
std::vector<std::int64_t> rows_of(const std::vector<std::int64_t>& rows, std::int64_t width) {
  std::vector<std::int64_t> values;
  for (const std::int64_t row : rows) values.insert(values.end(), static_cast<std::size_t>(width), row);
  return values;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_element_has_its_place) {
  for (const DeltaProjections projections : {DeltaProjections::grouped, DeltaProjections::separate}) {
    const ExpandedMapping mapping = expand(mapping_of(small(), projections));
    const Values source = numbered_values(mapping.import.source);
    BOOST_TEST((applied(inverted(mapping.import), applied(mapping.import, source)) == source));
  }
}

/// Kinds of rows of the input projection and how many of each a key head has in small().
using Parts = std::vector<std::pair<std::int64_t, std::size_t>>;
const Parts kGroupedParts{{1, 2}, {2, 2}, {3, 6}, {4, 6}};
const Parts kParts{{1, 2}, {2, 2}, {3, 6}, {4, 6}, {5, 2}, {6, 2}};

BOOST_AUTO_TEST_CASE(projections_stored_by_key_head) {
  // Two key heads of two rows, each with two value heads of three rows: q 1, k 2, v 3, z 4, b 5, a 6, with
  // ten times the number of the key head.
  const ExpandedMapping mapping = expand(mapping_of(small(), DeltaProjections::grouped));
  const std::string hf = "model.layers.1.linear_attn.";
  std::vector<std::int64_t> qkvz, ba;
  for (const std::int64_t head : {10, 20}) {
    for (const auto& [kind, count] : kGroupedParts) qkvz.insert(qkvz.end(), count, head + kind);
    for (const int kind : {5, 6}) ba.insert(ba.end(), 2, head + kind);
  }
  const std::vector<std::int64_t> in_proj =
      made(mapping, "decoder.layers.1.self_attention.in_proj.weight",
           {{hf + "in_proj_qkvz.weight", rows_of(qkvz, 3)}, {hf + "in_proj_ba.weight", rows_of(ba, 3)}});
  std::vector<std::int64_t> expected;
  for (const auto& [kind, count] : kParts) {
    for (const std::int64_t head : {10, 20}) expected.insert(expected.end(), count, head + kind);
  }
  BOOST_TEST(in_proj == rows_of(expected, 3), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(queries_and_their_gates) {
  // q_proj: [query; gate] per head; Megatron: per group its queries, their gates, key, value. Two rows a
  // head.
  const ExpandedMapping mapping = expand(mapping_of(small(), DeltaProjections::separate));
  const std::string hf = "model.layers.3.self_attn.";
  const std::vector<std::int64_t> qkv =
      made(mapping, "decoder.layers.3.self_attention.linear_qkv.weight",
           {{hf + "q_proj.weight", rows_of({1, 1, 11, 11, 2, 2, 12, 12, 3, 3, 13, 13, 4, 4, 14, 14}, 3)},
            {hf + "k_proj.weight", rows_of({21, 21, 22, 22}, 3)},
            {hf + "v_proj.weight", rows_of({31, 31, 32, 32}, 3)}});
  BOOST_TEST(
      qkv == rows_of({1, 1, 2, 2, 11, 11, 12, 12, 21, 21, 31, 31, 3, 3, 4, 4, 13, 13, 14, 14, 22, 22, 32, 32},
                     3),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(only_the_norm_of_the_output_is_shifted) {
  const ExpandedMapping mapping = expand(mapping_of(small(), DeltaProjections::separate));
  for (std::size_t d = 0; d < mapping.canonical.size(); ++d) {
    const bool norm = mapping.canonical[d].name.ends_with("self_attention.out_norm.weight");
    BOOST_TEST(added_to(mapping.import, d) == (norm ? -1.0 : 0.0), mapping.canonical[d].name);
  }
}

BOOST_AUTO_TEST_CASE(ranks_have_whole_heads) {
  const ExpandedMapping mapping = expand(mapping_of(small(), DeltaProjections::grouped));
  const std::string layer = "decoder.layers.0.self_attention.";
  const CanonicalTensor& in_proj = tensor(mapping, layer + "in_proj.weight");
  const auto ranges = shard_ranges(in_proj.name, in_proj.partition, 2, 1);
  BOOST_TEST(ranges.size() == 6U);
  BOOST_TEST(ranges[0].global == 2);   // the second key head of q
  BOOST_TEST(ranges[2].global == 14);  // value heads 2 and 3
  // Four ranks could share the value heads, but there are two key heads of two rows.
  BOOST_CHECK_THROW(shard_ranges(in_proj.name, in_proj.partition, 4, 0), InputError);
  const CanonicalTensor& convolution = tensor(mapping, layer + "conv1d.weight");
  BOOST_TEST(convolution.shape == (Shape{20, 1, 4}), boost::test_tools::per_element());
  BOOST_CHECK_THROW(shard_ranges(convolution.name, convolution.partition, 4, 0), InputError);
  BOOST_TEST(shard_ranges(layer, tensor(mapping, layer + "A_log").partition, 4, 3)[0].global == 3);
}

BOOST_AUTO_TEST_CASE(a_prediction_block_has_names_of_its_own) {
  TransformerConfig c = small();
  c.mtp_num_layers = 1;
  Mapping map = mapping_of(c, DeltaProjections::separate);
  add_mtp(map, c, {}, {"mtp.layers.{t}.", "mtp.fc", "mtp.enorm", "mtp.hnorm", "mtp.norm", "", ""});
  const ExpandedMapping mapping = expand(map);
  BOOST_TEST(tensor(mapping, "mtp.layers.0.eh_proj.weight").shape == (Shape{3, 6}),
             boost::test_tools::per_element());
  // The last decoder layer is one of attention, so the block has attention and no delta net.
  BOOST_TEST(tensor(mapping, "mtp.layers.0.transformer_layer.self_attention.linear_qkv.weight").shape[0] ==
             24);
  BOOST_CHECK_THROW(tensor(mapping, "mtp.layers.0.transformer_layer.self_attention.in_proj.weight"),
                    std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
