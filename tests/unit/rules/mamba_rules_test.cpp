// SPDX-License-Identifier: Apache-2.0
// Mamba-2 mixers in a hybrid model: their names in both formats, and what a rank has of them.
#include <algorithm>
#include <stdexcept>

#include <boost/test/unit_test.hpp>

#include "mapping/state_values.hpp"
#include "mhub/base/error.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/rules/mixer_rules.hpp"

BOOST_AUTO_TEST_SUITE(mamba_rules)

using namespace mhub;
using namespace mhub::tests;

namespace {

TransformerConfig small() {
  TransformerConfig c;
  c.num_layers = 2;
  c.hidden_size = 3;
  c.ffn_hidden_size = 4;
  c.vocab_size = 8;
  c.hybrid_layer_pattern = "M-";
  c.mamba.emplace();
  c.mamba->num_heads = 4;
  c.mamba->head_dim = 2;
  c.mamba->num_groups = 2;
  c.mamba->state_dim = 4;
  return c;
}

ExpandedMapping small_mapping() {
  const TransformerConfig c = small();
  Mapping map;
  add_ends(map, c, {});
  add_mamba(map, c, {}, "mixer", layers_of(c.hybrid_layer_pattern, 'M'));
  add_dense_mlp(map, c, {}, layers_of(c.hybrid_layer_pattern, '-'));
  return expand(map);
}

const CanonicalTensor& tensor(const ExpandedMapping& mapping, const std::string& name) {
  for (const CanonicalTensor& one : mapping.canonical) {
    if (one.name == name) return one;
  }
  throw std::runtime_error("no tensor " + name);
}

LayoutRequest request(int tensor_parallel) {
  ParallelSizes sizes;
  sizes.tensor = sizes.expert_tensor = tensor_parallel;
  LayoutRequest request(sizes, PipelineSplit(small().num_layers, sizes));
  request.padded_vocab_size = small().vocab_size;
  request.keys.stack_layers = false;
  return request;
}

std::vector<std::string> names_of(const Layout& layout) {
  std::vector<std::string> names;
  for (const SinkTensor& one : layout.tensors) names.push_back(one.name);
  return names;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_element_has_its_place) {
  const ExpandedMapping mapping = small_mapping();
  const Values source = numbered_values(mapping.import.source);
  BOOST_TEST((applied(inverted(mapping.import), applied(mapping.import, source)) == source));
}

BOOST_AUTO_TEST_CASE(the_convolution_has_a_name_for_each_format) {
  const ExpandedMapping mapping = small_mapping();
  const std::vector<std::string> keys = names_of(torch_dist_layout(mapping.canonical, request(1)));
  const std::string mixer = "decoder.layers.0.mixer.";
  for (const char* part : {"x", "B", "C"}) {
    BOOST_TEST(has(keys, mixer + "conv1d.weight." + part));
    BOOST_TEST(has(keys, mixer + "conv1d.bias." + part));
    BOOST_TEST(has(keys, mixer + "in_proj.weight." + part));
  }
  const std::vector<std::string> names = names_of(torch_layout(mapping.canonical, request(1)));
  BOOST_TEST(has(names, "mp_rank_00/" + mixer + "conv1d_weight"));
  BOOST_TEST(has(names, "mp_rank_00/" + mixer + "conv1d_bias"));
}

BOOST_AUTO_TEST_CASE(module_objects_are_those_of_a_hybrid_model) {
  std::vector<std::string> parameters;
  for (const CanonicalTensor& one : small_mapping().canonical) parameters.push_back(one.name);
  const auto names = extra_state_names(parameters, request(1));
  const std::string mixer = "decoder.layers.0.mixer.";
  BOOST_TEST(has(names, mixer + "in_proj._extra_state"));
  BOOST_TEST(has(names, mixer + "out_proj._extra_state"));
  BOOST_TEST(!has(names, mixer + "norm._extra_state"));
  BOOST_TEST(has(names, "decoder.final_norm._extra_state"));
  BOOST_TEST(has(names, "output_layer._extra_state"));
}

BOOST_AUTO_TEST_CASE(ranks_have_whole_heads_and_groups) {
  const ExpandedMapping mapping = small_mapping();
  const std::string mixer = "decoder.layers.0.mixer.";
  const CanonicalTensor& in_proj = tensor(mapping, mixer + "in_proj.weight");
  const auto ranges = shard_ranges(in_proj.name, in_proj.partition, 2, 1);
  BOOST_REQUIRE(ranges.size() == 5U);
  BOOST_TEST(ranges[1].global == 8 + 4);        // x of heads 2 and 3
  BOOST_TEST(ranges[2].global == 16 + 4);       // B of group 1
  BOOST_TEST(ranges[4].global == 16 + 16 + 2);  // dt of heads 2 and 3
  // Four ranks could share the heads, but there are two groups.
  for (const char* name : {"in_proj.weight", "conv1d_weight", "conv1d_bias"}) {
    const CanonicalTensor& one = tensor(mapping, mixer + name);
    BOOST_CHECK_THROW(shard_ranges(one.name, one.partition, 4, 0), InputError);
  }
}

BOOST_AUTO_TEST_SUITE_END()
