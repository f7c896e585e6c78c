// SPDX-License-Identifier: Apache-2.0
// DeciLM's two spellings of layers of several sizes, and what is refused of them.
#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/plugin/registry.hpp"

BOOST_AUTO_TEST_SUITE(decilm)

using namespace mhub;
using nlohmann::json;

namespace {

json config_of(const json& more) {
  json config{
      {"hidden_size", 96}, {"num_attention_heads", 8}, {"num_hidden_layers", 2}, {"intermediate_size", 256}};
  config.update(more);
  return config;
}

json blocks(const json& attention, const json& ffn) {
  const json plain{{"attention", {{"n_heads_in_group", 2}}}, {"ffn", {{"ffn_mult", 4.0}}}};
  return config_of({{"block_configs", {plain, {{"attention", attention}, {"ffn", ffn}}}}});
}

TransformerConfig read(const json& config) {
  return PluginRegistry::instance()
      .find_class("DeciLMForCausalLM")
      ->megatron(ConfigReader(config, "config.json"));
}

void refused(const json& config, const std::string& words) {
  BOOST_CHECK_EXCEPTION(read(config), InputError, [&](const InputError& error) {
    return std::string(error.what()).starts_with("config.json: " + words);
  });
}

using Sizes = std::vector<std::int64_t>;

}  // namespace

BOOST_AUTO_TEST_CASE(both_spellings_give_sizes) {
  const HeterogeneousConfig newer =
      read(blocks({{"no_op", true}}, {{"ffn_mult", 5.0}})).heterogeneous.value();
  BOOST_TEST((newer.num_query_groups == Sizes{4, kNoBlock}));
  BOOST_TEST((newer.ffn_hidden_size == Sizes{256, 512}));
  const HeterogeneousConfig older =
      read(config_of({{"num_key_value_heads_per_layer", {4, 1}}})).heterogeneous.value();
  BOOST_TEST((older.num_query_groups == Sizes{4, 1}));
  BOOST_TEST((older.ffn_hidden_size == Sizes{256, 256}));
}

BOOST_AUTO_TEST_CASE(what_is_no_size_is_refused_by_block) {
  const json heads{{"n_heads_in_group", 2}}, mult{{"ffn_mult", 4.0}};
  const auto with = [](json part, const char* key, const json& value) {
    part[key] = value;
    return part;
  };
  BOOST_CHECK_NO_THROW(read(blocks(with(heads, "unshifted_sink", false), with(mult, "sparsify", nullptr))));
  const std::string second = "block_configs[1]: ";
  refused(blocks(with(heads, "window_length", 8192), mult), second + "attention: window_length: unsupported");
  refused(blocks(with(heads, "num_sink_tokens", 4), mult),
          second + "attention: num_sink_tokens: unsupported");
  refused(blocks(with(heads, "unshifted_sink", true), mult),
          second + "attention: unshifted_sink: unsupported");
  refused(blocks(heads, with(mult, "sparsify", {"2:4"})), second + "ffn: sparsify: unsupported");
  refused(blocks({{"n_heads_in_group", nullptr}}, mult), second + "attention: n_heads_in_group");
  refused(config_of(json::object()), "block_configs: missing");
  refused(config_of({{"num_key_value_heads_per_layer", {4, 3}}}),
          "num_key_value_heads_per_layer: expected divisors");
  refused(config_of({{"num_key_value_heads_per_layer", {4}}}),
          "num_key_value_heads_per_layer: expected 2 entries");
}

/// ffn_mult gives multiples of 256; a Megatron model of another size has no such config.json.
BOOST_AUTO_TEST_CASE(a_size_that_no_multiple_gives_is_no_decilm) {
  TransformerConfig megatron = read(blocks({{"no_op", true}}, {{"ffn_mult", 5.0}}));
  BOOST_TEST(identify_model(megatron, std::nullopt, "args").model->class_name == "DeciLMForCausalLM");
  megatron.heterogeneous->ffn_hidden_size[0] = 250;
  BOOST_CHECK_THROW(identify_model(megatron, std::nullopt, "args"), InputError);
  megatron.heterogeneous->ffn_hidden_size = {256};
  BOOST_CHECK_EXCEPTION(
      identify_model(megatron, std::nullopt, "args"), InputError, [](const InputError& error) {
        return std::string(error.what()).starts_with("args: block_configs has 1 entries for 2 layers");
      });
}

BOOST_AUTO_TEST_SUITE_END()
