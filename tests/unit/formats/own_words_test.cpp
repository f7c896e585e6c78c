// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/megatron/own_words.hpp"

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/formats/hf/hf_state.hpp"

BOOST_AUTO_TEST_SUITE(own_words)

using namespace mhub;
using nlohmann::json;

namespace {

const json kLlama{{"architectures", {"LlamaForCausalLM"}},
                  {"model_type", "llama"},
                  {"vocab_size", 100},
                  {"hidden_size", 64},
                  {"intermediate_size", 96},
                  {"num_hidden_layers", 2},
                  {"num_attention_heads", 4},
                  {"num_key_value_heads", 2},
                  {"rms_norm_eps", 1e-6},
                  {"max_position_embeddings", 512},
                  {"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 10000.0}}},
                  {"eos_token_id", 7}};

struct Corrected {
  json config;
  std::vector<std::string> notes;
};

/// The config that stands beside a checkpoint whose args are those of that config, changed by `change`.
Corrected corrected(const json& config, const json& change, Dialect dialect = Dialect::args) {
  Checkpoint checkpoint;
  take_config(checkpoint, ConfigReader(config, "config.json"));
  MegatronFacts facts;
  json words = description_of(megatron_config(*checkpoint.model, *checkpoint.config), dialect);
  const tests::TemporaryFolder folder;
  if (dialect == Dialect::args) {
    std::erase_if(words.get_ref<json::object_t&>(),
                  [](const auto& one) { return one.first.starts_with("hf_"); });
    words.update(change);
    facts.args = words;
  } else {
    words.update(change);
    facts.run_config = folder.file("run_config.yaml");
    write_file(facts.run_config, json{{"model", words}}.dump());  // JSON is YAML
  }
  OwnWords::of(facts, "iter_0000100")->correct(checkpoint, "ref");
  return {checkpoint.config->json(), checkpoint.notes};
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_checkpoint_that_says_the_same_changes_nothing) {
  for (const Dialect dialect : {Dialect::args, Dialect::run_config}) {
    const Corrected found = corrected(kLlama, json::object(), dialect);
    BOOST_TEST(found.config == kLlama);
    BOOST_TEST(joined(found.notes) == "");
  }
}

BOOST_AUTO_TEST_CASE(what_was_trained_counts) {
  for (const Dialect dialect : {Dialect::args, Dialect::run_config}) {
    const char* epsilon = dialect == Dialect::args ? "norm_epsilon" : "layernorm_epsilon";
    const Corrected found =
        corrected(kLlama, {{"rotary_base", 1e6}, {"layernorm_epsilon", 1e-5}, {epsilon, 1e-5}}, dialect);
    BOOST_TEST(found.config.value("rope_theta", 0.0) == 1e6);
    BOOST_TEST(!found.config.contains("rope_parameters"));
    BOOST_TEST(found.config["rms_norm_eps"] == 1e-5);
    BOOST_TEST(found.config["eos_token_id"] == 7);
    BOOST_TEST(joined(found.notes).find("layernorm_epsilon is 1e-05, not 1e-06 as in ref") !=
               std::string::npos);
    BOOST_TEST(joined(found.notes).find("rotary_base is 1000000.0, not 10000.0 as in ref") !=
               std::string::npos);
    BOOST_TEST(found.notes.size() == 2U);
  }
}

BOOST_AUTO_TEST_CASE(the_name_under_which_megatron_lm_0_19_stores_layernorm_1p_is_read) {
  json nemotron = kLlama;
  nemotron["architectures"] = {"NemotronForCausalLM"};
  nemotron["model_type"] = "nemotron";
  nemotron.erase("rms_norm_eps");
  const json renamed{{"apply_layernorm_1p", nullptr}, {"layernorm_zero_centered_gamma", true}};
  BOOST_TEST(joined(corrected(nemotron, renamed).notes) == "");
}

BOOST_AUTO_TEST_CASE(heads_are_the_checkpoints) {
  const Corrected found =
      corrected(kLlama, {{"num_attention_heads", 8}, {"num_query_groups", 4}, {"kv_channels", 8}});
  BOOST_TEST(found.config["num_attention_heads"] == 8);
  BOOST_TEST(found.config["num_key_value_heads"] == 4);
  BOOST_TEST(found.config["head_dim"] == 8);
}

BOOST_AUTO_TEST_CASE(a_shorter_training_does_not_shorten_the_context) {
  BOOST_TEST(corrected(kLlama, {{"max_position_embeddings", 128}}).config == kLlama);
  BOOST_TEST(corrected(kLlama, {{"max_position_embeddings", 128}}).notes.empty());
  BOOST_TEST(corrected(kLlama, {{"max_position_embeddings", 4096}}).config["max_position_embeddings"] ==
             4096);
}

BOOST_AUTO_TEST_CASE(rows_of_the_vocabulary_are_padding_only_where_padding_explains_them) {
  const json padded{
      {"vocab_size", nullptr}, {"padded_vocab_size", 128}, {"make_vocab_size_divisible_by", 128}};
  const Corrected padding = corrected(kLlama, padded);
  BOOST_TEST(padding.config == kLlama);
  BOOST_TEST(joined(padding.notes).find("padding to a multiple of 128") != std::string::npos);
  json grown = padded;
  grown["padded_vocab_size"] = 384;
  BOOST_TEST(corrected(kLlama, grown).config["vocab_size"] == 384);
  grown["vocab_size"] = 300;
  const Corrected trained = corrected(kLlama, grown);
  BOOST_TEST(trained.config["vocab_size"] == 300);
  BOOST_TEST(joined(trained.notes).find("300 are kept") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_count_of_tokens_that_the_checkpoint_states_is_its_own) {
  for (const std::int64_t count : {64, 128}) {
    const Corrected args = corrected(kLlama, {{"hf_vocab_size", count}, {"padded_vocab_size", 128}});
    const Corrected run_config = corrected(kLlama, {{"vocab_size", count}}, Dialect::run_config);
    for (const Corrected& one : {args, run_config}) {
      BOOST_TEST(one.config["vocab_size"] == count);
      BOOST_TEST(joined(one.notes).find("vocab_size is " + std::to_string(count) + ", not 100 as in ref") !=
                     std::string::npos,
                 joined(one.notes));
    }
  }
}

BOOST_AUTO_TEST_CASE(rows_are_what_is_said_with_padding) {
  MegatronFacts facts;
  facts.args = {{"padded_vocab_size", 384}, {"vocab_size", 300}};
  BOOST_TEST(OwnWords::of(facts, "x")->rows().value() == 384);
  facts.args = {{"vocab_size", 300}};
  BOOST_TEST(!OwnWords::of(facts, "x")->rows());
  const tests::TemporaryFolder folder;
  facts = {};
  facts.run_config = folder.file("run_config.yaml");
  replace_file(
      facts.run_config,
      std::string("model: {vocab_size: 300, should_pad_vocab: true, tensor_model_parallel_size: 2}"));
  BOOST_TEST(OwnWords::of(facts, "x")->rows().value() == 512);
  replace_file(facts.run_config, "model: {vocab_size: 300}");
  BOOST_TEST(OwnWords::of(facts, "x")->rows().value() == 300);
}

BOOST_AUTO_TEST_CASE(what_only_the_other_place_says_is_named) {
  json gemma = kLlama;
  gemma["architectures"] = {"Gemma2ForCausalLM"};
  gemma["model_type"] = "gemma2";
  const Corrected found = corrected(gemma, {{"attn_logit_softcapping", 30.0}});
  BOOST_TEST(found.config["attn_logit_softcapping"] == 30.0);
  BOOST_TEST(joined(found.notes).find("does not say all; from ref: ") != std::string::npos);
  BOOST_TEST(joined(found.notes).find("post_norms") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_model_that_the_class_cannot_be_is_a_contradiction) {
  BOOST_CHECK_EXCEPTION(corrected(kLlama, {{"num_experts", 4}, {"moe_router_topk", 2}}), InputError,
                        tests::message_has("args and ref contradict each other: moe is there"));
  BOOST_CHECK_EXCEPTION(corrected(kLlama, {{"qk_layernorm", true}}), InputError,
                        tests::message_has("contradict each other: qk_layernorm is true, not false",
                                           "a LlamaForCausalLM cannot say qk_layernorm"));
}

BOOST_AUTO_TEST_CASE(words_that_are_not_understood_are_refused_whatever_lies_beside_them) {
  // Of the others in the same place ref would be right or wrong, too.
  BOOST_CHECK_EXCEPTION(corrected(kLlama, {{"normalization", "GroupNorm"}, {"rotary_base", 77}}), InputError,
                        [](const InputError& error) {
                          const std::string text = error.what();
                          return text.find("GroupNorm") != std::string::npos &&
                                 text.find("ref") != std::string::npos;
                        });
}

BOOST_AUTO_TEST_SUITE_END()
