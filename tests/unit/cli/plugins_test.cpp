// SPDX-License-Identifier: Apache-2.0
// `mhub plugins`: the rules as a table, and a mapping tried out without weights.
#include <boost/test/unit_test.hpp>

#include "cli/run_mhub.hpp"
#include "cli/tiny_llama.hpp"

BOOST_AUTO_TEST_SUITE(plugins_tests)

using namespace mhub::tests;

namespace {

std::string written(const Scratch& scratch, const nlohmann::json& config) {
  const std::string path = scratch / "config.json";
  std::ofstream(path) << config.dump();
  return path;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_mapping_is_tried_out_on_random_data) {
  const Scratch scratch;
  const std::string config = written(scratch, TinyLlama().config);
  const Run run = run_mhub("plugins --check LlamaForCausalLM " + config + " --json");
  BOOST_REQUIRE_MESSAGE(run.code == 0, run.err);
  const nlohmann::json report = nlohmann::json::parse(run.out);
  BOOST_TEST(report["hf_tensors"] == 21);
  BOOST_TEST(report["megatron_tensors"] == 15);
  // Two vocabularies, the final norm, and two layers of norms, attention and MLP.
  BOOST_TEST(report["elements"] == 2 * 13 * 8 + 8 + 2 * (2 * 8 + (8 + 4 + 4 + 8) * 8 + 3 * 12 * 8));
  BOOST_TEST(report["problems"].empty());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_tried_out_is_refused) {
  const Scratch scratch;
  nlohmann::json config = TinyLlama().config;
  Run run = run_mhub("plugins --check nothing " + written(scratch, config));
  BOOST_TEST(run.code == 2);
  BOOST_TEST(run.err.find("nothing") != std::string::npos);
  run = run_mhub("plugins --check LlamaForCausalLM");
  BOOST_TEST(run.code == 2);
  run = run_mhub("plugins --check llama " + written(scratch, {}));  // a family and a model type
  BOOST_TEST(run.code == 2);
  config["num_key_value_heads"] = 3;
  run = run_mhub("plugins --check LlamaForCausalLM " + written(scratch, config));
  BOOST_TEST(run.code == 3);
  BOOST_TEST(run.err.find("num_key_value_heads") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(sizes_do_not_matter) {
  const Scratch scratch;
  nlohmann::json config = TinyLlama().config;
  config["vocab_size"] = 1 << 28;
  config["hidden_size"] = 1 << 20;
  config["num_attention_heads"] = 1 << 10;
  config["num_key_value_heads"] = 1 << 10;
  const Run run = run_mhub("plugins --check LlamaForCausalLM " + written(scratch, config));
  BOOST_TEST(run.code == 0, run.err);
}

BOOST_AUTO_TEST_CASE(a_config_that_no_mapping_fits_is_bad_input) {
  const Scratch scratch;
  const Run run = run_mhub("plugins Qwen3MoeForCausalLM " + written(scratch, {{"num_experts", 1 << 28}}));
  BOOST_TEST(run.code == 3);
  BOOST_TEST(run.err.find("config.json: this config cannot be mapped") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(rules_are_a_table_of_names_and_transforms) {
  const Scratch scratch;
  const std::string config = written(scratch, TinyLlama().config);
  const Run run = run_mhub("plugins LlamaForCausalLM " + config + " --json");
  BOOST_REQUIRE_MESSAGE(run.code == 0, run.err);
  const nlohmann::json rules = nlohmann::json::parse(run.out)["plugins"][0]["models"][0]["rules"];
  bool found = false;
  for (const nlohmann::json& rule : rules) {
    if (rule["megatron"] != "decoder.layers.{i}.self_attention.linear_qkv.weight") continue;
    found = true;
    BOOST_TEST(rule["transform"] == "qkv");
    BOOST_TEST(rule["hf"].size() == 3);
    BOOST_TEST(rule["partition"] == "axis 0");
  }
  BOOST_TEST(found);
}

BOOST_AUTO_TEST_CASE(every_class_shows_its_rules_or_says_why_not) {
  const Run list = run_mhub("plugins --json");
  BOOST_REQUIRE_EQUAL(list.code, 0);
  const nlohmann::json printed = nlohmann::json::parse(list.out);
  for (const nlohmann::json& family : printed["plugins"]) {
    for (const nlohmann::json& model : family["models"]) {
      const Run run = run_mhub("plugins " + model["class"].get<std::string>() + " --json");
      BOOST_TEST(run.code == 0, run.err);
      const nlohmann::json one = nlohmann::json::parse(run.out)["plugins"][0]["models"][0];
      BOOST_TEST((one.contains("rules") || one.contains("refused")));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
