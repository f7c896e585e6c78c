// SPDX-License-Identifier: Apache-2.0
// An option that does not apply is refused, and what is not known is answered with what is.
#include <boost/test/unit_test.hpp>

#include "cli/run_mhub.hpp"
#include "runtime/tiny_model.hpp"

BOOST_AUTO_TEST_SUITE(options_that_apply)

using namespace mhub::tests;

namespace {

struct Folders {
  Folders() {
    TinyModel().write(scratch / "hf");
    BOOST_TEST_REQUIRE(run_mhub("convert " + (scratch / "hf") + " " + (scratch / "m")).code == 0);
  }
  void check_refused(const std::string& command, const std::string& part) const {
    const Run run = run_mhub(command);
    BOOST_TEST(run.code == 2, command << ": " << run.err);
    BOOST_TEST(run.err.find(part) != std::string::npos, command << ": " << run.err);
    BOOST_TEST(!std::filesystem::exists(scratch / "out"));
  }
  void convert_refused(const std::string& source, const std::string& options, const std::string& part) const {
    check_refused("convert " + (scratch / source) + " " + (scratch / "out") + " " + options, part);
  }

  Scratch scratch;
};

}  // namespace

BOOST_AUTO_TEST_CASE(layouts_are_for_formats_and_models_that_have_them) {
  const Folders folders;
  for (const std::string option :
       {"--tp 2", "--pp 2", "--iteration 5", "--transformer-impl local", "--model-type hybrid",
        "--first-stage-layers 1", "--make-vocab-size-divisible-by 8"}) {
    for (const std::string format : {"hf", "hdf5"})
      folders.convert_refused("m", option + " --to " + format, format + " has no ranks");
  }
  folders.convert_refused("hf", "--ep 2", "the model has none");
  folders.convert_refused("hf", "--vpp 2", "need --pp 2 or more");
  folders.convert_refused("hf", "--pp-layout 'Et|tL'", "need --pp 2 or more");
  for (const std::string option : {"--vpp 2", "--first-stage-layers 1", "--account-for-loss"})
    folders.convert_refused("hf", "--pp 2 --pp-layout 'Et|tL' " + option, "leave out --vpp");
  folders.convert_refused("hf", "--etp 1", "the model has none");
  for (const std::string format : {"torch", "torch_dist", "hdf5"})
    folders.convert_refused("hf", "--max-shard-size 1GB --to " + format, "--max-shard-size is for hf");
}

BOOST_AUTO_TEST_CASE(classes_are_chosen_where_there_is_a_choice) {
  const Folders folders;
  folders.convert_refused("hf", "--hf-class LlamaForCausalLM", "are for Megatron checkpoints");
  folders.convert_refused("hf", "--hf-reference " + (folders.scratch / "hf"), "are for Megatron checkpoints");
  folders.convert_refused("m", "--to hf --hf-class Phi3ForCausalLM",
                          "says that the model is a LlamaForCausalLM");
}

BOOST_AUTO_TEST_CASE(a_reference_is_for_what_does_not_say_itself) {
  const Folders folders;
  const std::string hf = folders.scratch / "hf", m = folders.scratch / "m", like = " --hf-reference " + hf;
  const std::string sentence = "its own config.json says what it is";
  folders.check_refused("generate " + hf + " --tokens 1,2" + like, sentence);
  folders.check_refused("logits " + hf + " --tokens 1,2 --output " + (folders.scratch / "out") + like,
                        sentence);
  folders.check_refused("verify " + hf + " " + hf + like, sentence);
  folders.check_refused("verify " + hf + like, sentence);
  BOOST_TEST(run_mhub("verify " + hf + " " + m + like).code == 0);
  BOOST_TEST(run_mhub("verify " + m + " " + hf + like).code == 0);
}

BOOST_AUTO_TEST_CASE(what_cannot_have_an_effect_is_refused) {
  const Folders folders;
  for (const std::string option : {"--account-for-embedding", "--account-for-loss"})
    folders.convert_refused("hf", option, "they need --pp 2 or more");
  for (const std::string dry : {"", " --dry-run"})
    folders.convert_refused("hf", "--no-cache" + dry, "--no-cache is for models of the Hub");
  const std::string generate = "generate " + (folders.scratch / "hf") + " --tokens 1,2 ";
  folders.check_refused(generate + "--stop-token-ids 1,100000", "stop_token_ids 100000: expected a token");
  folders.check_refused(generate + "--min-new-tokens 5 --max-new-tokens 4", "at most 4 new tokens");
  folders.check_refused(generate + "--min-new-tokens 500", "give max_new_tokens");
}

BOOST_AUTO_TEST_CASE(verify_has_options_for_each_of_its_forms) {
  const Folders folders;
  const std::string one = "verify " + (folders.scratch / "m"), two = one + " " + (folders.scratch / "hf");
  folders.check_refused(two + " --tolerance 0.1", "--tolerance needs --logits");
  folders.check_refused(two + " --tokens 1,2", "--tokens needs --logits");
  folders.check_refused(one + " --cast", "--cast needs a second checkpoint");
  folders.check_refused(one + " --tensors-only", "--tensors-only needs a second checkpoint");
  folders.check_refused(two + " --logits --tensors-only", "neither --cast nor --tensors-only");
}

BOOST_AUTO_TEST_CASE(a_conversion_can_be_shared) {
  const Folders folders;
  const std::string convert =
      "convert " + (folders.scratch / "hf") + " " + (folders.scratch / "out") + " --tp 2 ";
  for (const std::string wrong :
       {"--part 3/2", "--part 0/2", "--part 2", "--part x/2", "--part 1/2 --finish-parts 2",
        "--part 1/2 --dry-run", "--part 1/2 --verify", "--finish-parts 0"})
    folders.check_refused(convert + wrong, "part");
  for (const std::string part : {"2/2", "1/2"}) BOOST_TEST(run_mhub(convert + "--part " + part).code == 0);
  BOOST_TEST(run_mhub(convert + "--part 1/2").out.find("was written before") != std::string::npos);
  BOOST_TEST(run_mhub(convert + "--finish-parts 2 --verify").code == 0);
  BOOST_TEST(run_mhub("verify " + (folders.scratch / "out")).code == 0);
}

BOOST_AUTO_TEST_CASE(what_is_not_known_is_answered_with_the_nearest) {
  const Folders folders;
  folders.check_refused("convrt a b", "did you mean convert?");
  folders.check_refused("convert a b --verfy", "did you mean --verify?");
  folders.check_refused("plugins LlamaForCausalL", "did you mean LlamaForCausalLM?");
  folders.check_refused("plugins --check lama config.json", "did you mean llama?");
  folders.check_refused("plugins something_else", "is called something_else; mhub plugins lists them");
  TinyModel other;
  other.config["architectures"] = {"LlamaForCasualLM"};
  other.config["model_type"] = "lama";
  other.write(folders.scratch / "other");
  Run run = run_mhub("inspect " + (folders.scratch / "other"));
  BOOST_TEST(run.code == 3);
  BOOST_TEST(run.err.find("the nearest is LlamaForCausalLM") != std::string::npos, run.err);
  other.config["architectures"] = {"StableLmForCausalLM"};
  other.config["model_type"] = "stablelm";
  other.write(folders.scratch / "other");
  run = run_mhub("inspect " + (folders.scratch / "other"));
  BOOST_TEST(run.code == 3);
  BOOST_TEST(run.err.find("nearest") == std::string::npos, run.err);
  BOOST_TEST(run.err.find("classes that are known") != std::string::npos, run.err);
  // Its sizes would be taken for missing ones, which have defaults.
  folders.check_refused("plugins --check GPT2LMHeadModel " + (folders.scratch / "other/config.json"),
                        "is of model_type stablelm (StableLmForCausalLM)");
  other.config.erase("model_type");
  other.config["architectures"] = {"LlamaForCausalLM"};
  other.write(folders.scratch / "other");
  folders.check_refused("plugins --check Qwen2ForCausalLM " + (folders.scratch / "other/config.json"),
                        "is of no model_type (LlamaForCausalLM), and Qwen2ForCausalLM of qwen2");
  folders.check_refused("plugins --check clip " + (folders.scratch / "other/config.json"),
                        "CLIPTextModel, CLIPModel");
  other.config["architectures"] = {"LlamaForSequenceClassification"};
  other.config["model_type"] = "llama";
  other.write(folders.scratch / "other");
  run = run_mhub("inspect " + (folders.scratch / "other"));
  BOOST_TEST(run.err.find("another model than the nearest, LlamaForCausalLM") != std::string::npos, run.err);
}

BOOST_AUTO_TEST_CASE(two_conversions_have_two_outputs) {
  const Folders folders;
  TinyModel::write_text(folders.scratch / "r.yaml",
                        "conversions:\n- {source: a, output: out}\n- {source: b, output: x/../out}\n");
  const Run run = run_mhub("run " + (folders.scratch / "r.yaml"));
  BOOST_TEST(run.code == 3);
  BOOST_TEST(run.err.find("r.yaml:3:3: output: x/../out is that of out, too") != std::string::npos, run.err);
}

BOOST_AUTO_TEST_SUITE_END()
