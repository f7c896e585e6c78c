// SPDX-License-Identifier: Apache-2.0
#include "mhub/pretrained/pretrained_causal_lm.hpp"

#include <sstream>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "runtime/talking_model.hpp"
#include "runtime/tiny_model.hpp"

using namespace mhub;

namespace {

/// A model class as a plugin declares it, but for the fields that this test does not need.
struct SomeOtherModel {
  struct Config {};
  static constexpr const char* class_name = "SomeOtherModelForCausalLM";
};

struct Folder {
  Folder() { tests::TinyModel().write(path()); }
  std::string path() const { return folder.file("model"); }
  tests::TemporaryFolder folder;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pretrained_causal_lm)

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
  BOOST_TEST(model.state()["*.mlp.*.weight"].size() == 4U);
  std::ostringstream text;
  text << model;
  BOOST_TEST(text.str().find("LlamaForCausalLM [layers=2, hidden_size=8]") != std::string::npos);
  const std::vector<std::int64_t> prompt{1, 2, 3};
  const TextGeneration result = model.generate(prompt, {.max_new_tokens = 5, .ignore_eos = true});
  BOOST_TEST(result.tokens.size() == 5U);
  BOOST_TEST(result.text.empty());
  BOOST_CHECK_THROW(model.generate("text"), InputError);
  BOOST_CHECK_THROW(model.generate(prompt, {.stop = {"."}}), UsageError);
}

BOOST_AUTO_TEST_CASE(another_type_is_a_copy) {
  const Folder folder;
  auto stored = PreTrainedCausalLM<>::from_pretrained(folder.path());
  auto half = PreTrainedCausalLM<>::from_pretrained(folder.path(), {.dtype = DType::bf16});
  BOOST_TEST(stored.model().gathered_bytes() == 0U);
  BOOST_TEST(half.model().gathered_bytes() > 0U);
  BOOST_CHECK_THROW(PreTrainedCausalLM<>::from_pretrained(folder.path(), {.device = "tpu"}).model(),
                    UsageError);
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
  for (const runtime::StateEntry& entry : model.state()["*"])
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
  for (const runtime::StateEntry& entry : model.state()["*"])
    BOOST_TEST(saved.state().at(entry.name()).floats() == entry.floats());
}

BOOST_AUTO_TEST_SUITE_END()
