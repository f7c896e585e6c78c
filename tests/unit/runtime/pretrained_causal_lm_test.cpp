#include "mhub/runtime/pretrained_causal_lm.hpp"

#include <sstream>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
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

BOOST_AUTO_TEST_SUITE_END()
