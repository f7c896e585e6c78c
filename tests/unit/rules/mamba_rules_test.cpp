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

/// A config of layers that have a mixer and an MLP each.
struct PairsConfig {
  std::int64_t hidden_size = 8, num_hidden_layers = 3;
  std::vector<std::int64_t> kinds{0, 1, 0};
  MambaMixerConfig mixer{.mamba_head_dim = 0};

  void bind(ConfigBinding& b) {
    b.positive("num_hidden_layers", num_hidden_layers, b.megatron.num_layers);
    bind_layer_pairs(b, num_hidden_layers, kinds, '-');
    mixer.bind(b, bamba_keys(), hidden_size);
  }
};

PairsConfig read(nlohmann::json json) {
  json.update({{"mamba_n_heads", 4}, {"mamba_n_groups", 2}});
  return config_from_json<PairsConfig>(ConfigReader(std::move(json), "config.json"));
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

BOOST_AUTO_TEST_CASE(a_layer_with_a_mixer_and_an_mlp_is_two_layers) {
  const TransformerConfig megatron = config_to_megatron(read({}));
  BOOST_TEST(megatron.num_layers == 6);
  BOOST_TEST(megatron.hybrid_layer_pattern == "M-*-M-");
  const auto back = config_from_megatron<PairsConfig>(megatron);
  BOOST_TEST(back.num_hidden_layers == 3);
  BOOST_TEST(back.kinds == (std::vector<std::int64_t>{0, 1, 0}), boost::test_tools::per_element());
  // A stack of another kind does not come back as it was.
  for (const std::string pattern : {"M-*-M*", "MMMMMM", "-M-*-M", "*-*-*"}) {
    TransformerConfig other = megatron;
    other.hybrid_layer_pattern = pattern;
    other.num_layers = static_cast<std::int64_t>(pattern.size());
    BOOST_TEST(config_to_megatron(config_from_megatron<PairsConfig>(other)).hybrid_layer_pattern != pattern);
  }
}

BOOST_AUTO_TEST_CASE(the_size_of_heads_follows_from_that_of_all) {
  BOOST_TEST(read({}).mixer.mamba_head_dim == 4);  // 2 * 8 / 4
  BOOST_TEST(read({{"mamba_d_head", "auto"}}).mixer.mamba_head_dim == 4);
  BOOST_TEST(read({{"mamba_d_head", 6}, {"mamba_expand", 3}}).mixer.mamba_head_dim == 6);
  BOOST_CHECK_THROW(read({{"mamba_d_head", 6}}), InputError);
  BOOST_TEST(config_to_json(config_from_megatron<PairsConfig>(
                 config_to_megatron(read({{"mamba_d_head", 6}, {"mamba_expand", 3}}))))["mamba_expand"] == 3);
}

BOOST_AUTO_TEST_CASE(what_the_mixer_does_not_compute_is_refused) {
  for (const nlohmann::json& other : std::vector<nlohmann::json>{{{"hidden_act", "gelu"}},
                                                                 {{"mamba_conv_bias", false}},
                                                                 {{"mamba_proj_bias", true}},
                                                                 {{"mamba_d_conv", 3}},
                                                                 {{"time_step_limit", {0.0, 0.1}}},
                                                                 {{"mamba_n_groups", 3}}}) {
    nlohmann::json json{{"mamba_n_heads", 4}, {"mamba_n_groups", 2}};
    json.update(other);
    BOOST_CHECK_THROW(config_from_json<PairsConfig>(ConfigReader(json, "config.json")), InputError);
  }
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
    BOOST_CHECK_EXCEPTION(
        shard_ranges(one.name, one.partition, 4, 0), InputError, [](const InputError& error) {
          return std::string(error.what()).find("blocks of 4, which stay whole: 2") != std::string::npos;
        });
  }
}

BOOST_AUTO_TEST_SUITE_END()
