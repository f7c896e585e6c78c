// SPDX-License-Identifier: Apache-2.0
// Layers of several sizes as megatron/core/transformer/heterogeneous/heterogeneous_config.py describes them.
#include "mhub/config/heterogeneous.hpp"

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/config/fields.hpp"
#include "mhub/megatron/megatron_args.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(heterogeneous)

using namespace mhub;
using namespace mhub::tests;
using Json = nlohmann::json;

namespace {

constexpr const char* kText = "heterogeneous_layers_config_encoded_json";

/// What args of three layers with these blocks mean; the error's text where they are refused.
Json read_blocks(const std::string& blocks, const Json& more = Json::object()) {
  Json stated = description_of(three_layers(), Dialect::args);
  stated["heterogeneous_layers_config_path"] = "blocks.json";
  stated[kText] = "{\"block_configs\": [" + blocks + "]}";
  stated.update(more);
  try {
    return described(read_description(stated, Dialect::args, "args")).value("heterogeneous", Json());
  } catch (const InputError& error) {
    return std::string(error.what());
  }
}

bool contains(const Json& read, const std::string& words) {
  return read.is_string() && read.get<std::string>().find(words) != std::string::npos;
}

}  // namespace

/// The sizes that MLPConfig.ffn_mult_to_intermediate_size and AttentionConfig.build_config_from_dict give.
BOOST_AUTO_TEST_CASE(blocks_are_read_as_megatron_core_reads_them) {
  const std::string first =
      R"({"attention": {"n_heads_in_group": 4, "no_op": false}, "ffn": {"ffn_mult": 0.5}})";
  const std::string second =
      R"({"attention": {"n_heads_in_group": null, "no_op": true}, "mlp": {"ffn_hidden_size": 24}})";
  const std::string third =
      R"({"attention": {"replace_with_linear": true}, "ffn": {"ffn_mult": 25.0, "no_op": false}})";
  const Json sizes = read_blocks(first + "," + second + "," + third);
  BOOST_TEST(sizes == (Json{{"num_query_groups", {1, 0, -1}}, {"ffn_hidden_size", {256, 24, 512}}}), sizes);
  const Json others = read_blocks(
      R"({"attention": {"num_query_groups": 4, "n_heads_in_group": 2}, "ffn": {"replace_with_linear": true}},)"
      R"({"attention": {}, "ffn": {"no_op": true}}, {"attention": {}, "ffn": {"ffn_mult": null}})");
  BOOST_TEST(others == (Json{{"num_query_groups", {4, 2, 2}}, {"ffn_hidden_size", {-1, 0, 24}}}), others);
}

BOOST_AUTO_TEST_CASE(what_contradicts_itself_is_refused_by_block) {
  const std::string good = R"({"attention": {"n_heads_in_group": 2}, "ffn": {"ffn_mult": 1.0}})";
  const auto with = [&](const std::string& block) { return read_blocks(good + "," + block + "," + good); };
  BOOST_TEST(contains(with(R"({"attention": {"n_heads_in_group": 3}, "ffn": {"ffn_mult": 1.0}})"),
                      "block_configs[1]: attention: n_heads_in_group: expected a divisor of 4"));
  BOOST_TEST(contains(with(R"({"attention": {"n_heads_in_group": 2}, "ffn": {"ffn_mult": -1.0}})"),
                      "block_configs[1]: ffn: ffn_mult"));
  BOOST_TEST(contains(with(R"({"attention": {"n_heads_in_group": 2}, "ffn": {"ffn_mult": 1e300}})"),
                      "block_configs[1]: ffn: ffn_mult"));
  BOOST_TEST(contains(with(R"({"attention": {"n_heads_in_group": 2}})"), "block_configs[1]: ffn: missing"));
  BOOST_TEST(contains(with(R"({"ffn": {"ffn_mult": 1.0}})"), "block_configs[1]: attention: missing"));
  BOOST_TEST(contains(with("7"), "block_configs[1]"));
  BOOST_TEST(contains(read_blocks(good, {{kText, "{}"}}), std::string(kText) + ": block_configs: missing"));
  BOOST_TEST(contains(read_blocks(good, {{kText, "{"}}), std::string(kText) + ": "));
  BOOST_TEST(contains(read_blocks(good, {{kText, 7}}), kText));
  // core_transformer_config_from_args asks for the path.
  BOOST_TEST(contains(read_blocks(good, {{"heterogeneous_layers_config_path", nullptr}}),
                      std::string(kText) + ": unsupported"));
}

/// What Megatron-LM looks at: the path says what the model is (argument_utils.py,
/// core_transformer_config_from_args), the text is what it is (arguments.py,
/// validate_model_config_args_from_heterogeneous_config).
BOOST_AUTO_TEST_CASE(args_have_the_text_that_megatron_lm_validates) {
  const TransformerConfig c = models().at("layers of several sizes");
  const Json args = description_of(c, Dialect::args);
  BOOST_TEST(args.at("heterogeneous_layers_config_path").is_string());
  const Json text = parse_json(args.at(kText).get<std::string>(), "text");
  BOOST_TEST(text.at("hidden_act") == "silu");
  BOOST_TEST(text.at("num_hidden_layers") == 3);
  BOOST_TEST(text.at("hidden_size") == 16);
  BOOST_TEST(text.at("num_attention_heads") == 4);
  BOOST_TEST(text.at("tie_word_embeddings") == false);
  BOOST_TEST(text.at("rope_theta") == args.at("rotary_base"));
  BOOST_TEST(text.at("rope_scaling").at("factor") == 1.0);
  const Json& blocks = text.at("block_configs");
  BOOST_TEST(blocks.size() == 3u);
  BOOST_TEST(blocks[0]["attention"] ==
             (Json{{"n_heads_in_group", 4}, {"no_op", false}, {"replace_with_linear", false}}));
  BOOST_TEST(blocks[1]["attention"] ==
             (Json{{"n_heads_in_group", nullptr}, {"no_op", true}, {"replace_with_linear", false}}));
  BOOST_TEST(blocks[2]["attention"]["replace_with_linear"] == true);
  BOOST_TEST(
      blocks[1]["ffn"] ==
      (Json{{"ffn_mult", 24.0}, {"ffn_hidden_size", 256}, {"no_op", false}, {"replace_with_linear", false}}));
  BOOST_TEST(blocks[2]["ffn"]["no_op"] == true);
  BOOST_TEST(blocks[2]["ffn"]["ffn_mult"].is_null());
  const Json bridge = description_of(c, Dialect::run_config);
  BOOST_TEST(bridge.at(kText) == args.at(kText));
  BOOST_TEST(!bridge.contains("heterogeneous_layers_config_path"));
  BOOST_TEST(!description_of(three_layers(), Dialect::args).contains(kText));
}

BOOST_AUTO_TEST_CASE(a_layer_has_a_config_of_its_own) {
  const TransformerConfig c = models().at("layers of several sizes");
  const TransformerConfig first = layer_config(c, 0), second = layer_config(c, 1);
  BOOST_TEST(!first.heterogeneous);
  BOOST_TEST(first.num_query_groups == 1);
  BOOST_TEST(first.ffn_hidden_size == 24);
  BOOST_TEST(second.ffn_hidden_size == 256);
  TransformerConfig alike = layer_config(three_layers(), 2);
  BOOST_TEST(differing_fields(alike, three_layers()).empty());
}

/// arguments.py, validate_model_config_args_from_heterogeneous_config: what Megatron-LM asserts of such a
/// model.
BOOST_AUTO_TEST_CASE(what_megatron_lm_refuses_is_said) {
  TransformerConfig c = with_scaling(RopeKind::llama3);
  c.heterogeneous = HeterogeneousConfig{{2, kNoBlock, 2}, {24, 256, 24}};
  const auto says = [&](const std::string& words) {
    std::string all;
    for (const std::string& limit : field_limits(c)) all += limit + "\n";
    return all.find(words) != std::string::npos;
  };
  BOOST_TEST(!says("arguments.py, validate_model"));
  c.heterogeneous->num_query_groups[2] = 1;
  BOOST_TEST(says("numbers of query groups that differ"));
  c.heterogeneous->num_query_groups[2] = 2;
  c.rope_scaling = {};
  BOOST_TEST(says("without llama3 rope scaling"));
}

BOOST_AUTO_TEST_SUITE_END()
