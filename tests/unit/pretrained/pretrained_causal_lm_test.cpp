// SPDX-License-Identifier: Apache-2.0
#include "mhub/pretrained/pretrained_causal_lm.hpp"

#include <sstream>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/pretrained/inspection.hpp"
#include "runtime/talking_model.hpp"
#include "runtime/tiny_model.hpp"

BOOST_AUTO_TEST_SUITE(pretrained_causal_lm)

using namespace mhub;

namespace {

/// A model class as a plugin declares it, but for the fields that this test does not need.
struct SomeOtherModel {
  struct Config {};
  static constexpr const char* class_name = "SomeOtherModelForCausalLM";
};

const std::vector<std::int64_t> kNone;

struct Folder {
  Folder() { tests::TinyModel().write(path()); }
  std::string path() const { return folder.file("model"); }
  tests::TemporaryFolder folder;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_wrong_class_names_both) {
  const Folder folder;
  BOOST_CHECK_EXCEPTION(PreTrainedCausalLM<SomeOtherModel>::from_pretrained(folder.path()), InputError,
                        tests::message_has("LlamaForCausalLM", "SomeOtherModelForCausalLM"));
}

BOOST_AUTO_TEST_CASE(loading_and_generating) {
  const Folder folder;
  auto model = PreTrainedCausalLM<>::from_pretrained(folder.path(), {.threads = 1});
  BOOST_TEST(model.config().integer("hidden_size") == 8);
  BOOST_TEST(!model.has_tokenizer());
  BOOST_TEST(model.state()["*.mlp.*.weight"].size() == 6U);
  BOOST_CHECK_THROW(model.state()["*.mlp.nothing"], UsageError);
  std::ostringstream text;
  text << model;
  BOOST_TEST(text.str().find("LlamaForCausalLM [layers=2, hidden_size=8]") != std::string::npos);
  const std::vector<std::int64_t> prompt{1, 2, 3};
  const TextGeneration result = model.generate(prompt, {.max_new_tokens = 5, .eos_token_id = kNone});
  BOOST_TEST(result.tokens.size() == 5U);
  BOOST_TEST(result.text.empty());
  BOOST_CHECK_THROW(model.generate("text"), InputError);
  BOOST_CHECK_THROW(model.generate(prompt, {.stop_strings = {"."}}), UsageError);
  BOOST_CHECK_EXCEPTION(model.generate(prompt, {.stop_strings = {""}}), UsageError,
                        tests::message_has("stop_strings", "empty"));
}

BOOST_AUTO_TEST_CASE(another_type_is_a_copy) {
  const Folder folder;
  auto stored = PreTrainedCausalLM<>::from_pretrained(folder.path());
  auto half = PreTrainedCausalLM<>::from_pretrained(folder.path(), {.dtype = DType::bf16});
  BOOST_TEST(stored.model().gathered_bytes() == 0U);
  BOOST_TEST(half.model().gathered_bytes() > 0U);
}

BOOST_AUTO_TEST_CASE(what_is_printed_is_what_runs) {
  const Folder folder;
  auto printed = [&](const LoadOptions& options) {
    std::ostringstream text;
    text << CausalLM::from_pretrained(folder.path(), options);
    return text.str();
  };
  BOOST_TEST(printed({}).ends_with("  (device): cpu\n  (dtype): float32\n)"));
  BOOST_TEST(printed({.dtype = DType::bf16}).ends_with("  (device): cpu\n  (dtype): bfloat16\n)"));
  BOOST_TEST(printed({}) == to_string(summarize(open_checkpoint(folder.path()))));
}

BOOST_AUTO_TEST_CASE(what_cannot_run_is_refused_when_it_is_asked_for) {
  const Folder folder;
  auto load = [&](const LoadOptions& options) { return CausalLM::from_pretrained(folder.path(), options); };
  BOOST_CHECK_EXCEPTION(load({.device = "tpu"}), UsageError,
                        tests::message_has("device tpu", "cpu, cuda or cudnn"));
  BOOST_CHECK_EXCEPTION(load({.dtype = DType::f64}), UsageError, tests::message_has("float64", "bfloat16"));
  BOOST_CHECK_EXCEPTION(load({.threads = -1}), UsageError, tests::message_has("threads -1", "0 .. 1024"));
  for (const std::string device : {"cuda", "cudnn"}) {
    try {
      BOOST_TEST(load({.device = device}).device() == device);
    } catch (const IoError& error) {
      const std::string what = error.what();
      BOOST_TEST((what.starts_with("no CUDA device: ") || what.starts_with("no " + device + " backend: ")),
                 what);
    }
  }
}

BOOST_AUTO_TEST_CASE(how_long_an_answer_becomes) {
  const tests::TemporaryFolder scratch;
  tests::write_talking_llama(scratch.file("model"), 1);  // its max_new_tokens is 5
  auto model = CausalLM::from_pretrained(scratch.file("model"), {.threads = 1});
  const std::vector<std::int64_t> prompt{1, 2, 3};
  auto count = [&](GenerateOptions options) {
    options.eos_token_id.emplace();
    return model.generate(prompt, options).tokens.size();
  };
  BOOST_TEST(count({}) == 5U);
  BOOST_TEST(count({.max_length = 4}) == 1U);
  BOOST_TEST(count({.max_length = 4, .max_new_tokens = 7}) == 7U);
  BOOST_CHECK_EXCEPTION(count({.max_length = 3}), UsageError, tests::message_has("max_length 3", "3 tokens"));

  const std::string settings = scratch.file("model") + "/generation_config.json";
  for (const auto& [text, expected] :
       {std::pair(R"({"max_length": 6})", 3U), std::pair(R"({"max_length": 6, "max_new_tokens": 2})", 2U)}) {
    tests::TinyLlama::write_text(settings, text);
    model = CausalLM::from_pretrained(scratch.file("model"), {.threads = 1});
    BOOST_TEST(count({}) == expected, text);
  }
  // A token that ends it, of the caller's choice.
  const std::vector<std::int64_t> first{model.generate(prompt, {.do_sample = false}).tokens.front()};
  const TextGeneration ended = model.generate(prompt, {.max_new_tokens = 9, .eos_token_id = first});
  BOOST_TEST((ended.tokens == first));
  BOOST_TEST((ended.finish == runtime::Generation::Finish::eos));
}

BOOST_AUTO_TEST_CASE(when_tokens_are_drawn) {
  const tests::TemporaryFolder scratch;
  tests::write_talking_llama(scratch.file("model"), 1);
  auto model = CausalLM::from_pretrained(scratch.file("model"), {.threads = 1});
  const std::vector<std::int64_t> prompt{1, 2, 3};
  // Drawn tokens depend on the seed, the most likely ones do not.
  auto drawn = [&](GenerateOptions options) {
    options.max_new_tokens = 12;
    options.eos_token_id.emplace();
    const auto first = model.generate(prompt, options).tokens;
    options.seed = 1;
    return model.generate(prompt, options).tokens != first;
  };
  BOOST_TEST(!drawn({}));
  BOOST_TEST(drawn({.do_sample = true}));
  BOOST_TEST(drawn({.temperature = 1.5}));
  BOOST_TEST(drawn({.top_k = 40}));
  BOOST_TEST(drawn({.top_p = 0.99}));
  BOOST_TEST(drawn({.min_p = 1e-6}));
  BOOST_TEST(!drawn({.temperature = 0}));
  BOOST_TEST(!drawn({.temperature = 0, .top_k = 40}));
  BOOST_TEST(!drawn({.do_sample = false, .temperature = 1.5, .top_k = 40}));
  BOOST_CHECK_THROW(drawn({.do_sample = true, .temperature = 0}), UsageError);
}

BOOST_AUTO_TEST_CASE(a_saved_model_is_the_same_one) {
  const tests::TemporaryFolder scratch;
  tests::write_talking_llama(scratch.file("model"), 1);
  auto model = PreTrainedCausalLM<>::from_pretrained(scratch.file("model"), {.threads = 1});
  const TextGeneration expected = model.generate("hello", {.temperature = 0});
  model.save_pretrained(scratch.file("saved"));
  auto saved = PreTrainedCausalLM<>::from_pretrained(scratch.file("saved"), {.threads = 1});
  BOOST_TEST(saved.generate("hello", {.temperature = 0}).text == expected.text);
  BOOST_TEST(saved.encode("hello you") == model.encode("hello you"));
  BOOST_TEST(*saved.generation_config().max_new_tokens == 5);
  for (const StateEntry& entry : model.state()["*"])
    BOOST_TEST(saved.state().at(entry.name()).floats() == entry.floats());
  BOOST_CHECK_THROW(model.save_pretrained(scratch.file("saved")), UsageError);

  auto half = PreTrainedCausalLM<>::from_pretrained(scratch.file("model"), {.dtype = DType::bf16});
  half.save_pretrained(scratch.file("half"));
  const auto reopened = PreTrainedCausalLM<>::from_pretrained(scratch.file("half"));
  BOOST_TEST((reopened.state().at("output_layer.weight").dtype() == DType::bf16));
  BOOST_TEST(reopened.config().json()["torch_dtype"] == "bfloat16");
}

BOOST_AUTO_TEST_CASE(a_model_is_saved_in_any_format) {
  const Folder folder;
  const auto model = PreTrainedCausalLM<>::from_pretrained(folder.path(), {.threads = 1});
  const auto report = model.save(folder.folder.file("torch"), {.format = "torch", .tp = 2}, {.verify = true});
  BOOST_TEST(report["format"] == "torch");
  BOOST_TEST(report["verified"] == true);
  const auto saved = PreTrainedCausalLM<>::from_pretrained(folder.folder.file("torch"));
  for (const StateEntry& entry : model.state()["*"])
    BOOST_TEST(saved.state().at(entry.name()).floats() == entry.floats());
}

BOOST_AUTO_TEST_SUITE_END()
