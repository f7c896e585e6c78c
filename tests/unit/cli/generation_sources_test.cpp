// SPDX-License-Identifier: Apache-2.0
// A model talks the same from everything that it is converted to: tokenizer, chat template and generation
// config travel.
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "cli/run_mhub.hpp"
#include "runtime/talking_model.hpp"

BOOST_AUTO_TEST_SUITE(generation_sources)

using namespace mhub::tests;

namespace {

/// "text" and "tokens" of a `mhub generate --json`.
nlohmann::json answer(const std::string& source, const std::string& arguments) {
  const Run run = run_mhub("generate " + source + " --json --temperature 0 " + arguments);
  BOOST_TEST_REQUIRE(run.code == 0, source << ": " << run.err);
  const nlohmann::json report = nlohmann::json::parse(run.out);
  return {report["text"], report["tokens"], report["prompt"], report["finish"]};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_model_talks_the_same_from_everything) {
  const Scratch scratch;
  const std::string hf = scratch / "hf";
  write_talking_llama(hf, 1);
  std::filesystem::create_directory(hf + "/additional_chat_templates");
  TinyLlama::write_text(hf + "/additional_chat_templates/tool_use.jinja", "tools");
  const nlohmann::json plain = answer(hf, "--prompt 'hello you'");
  const nlohmann::json chat = answer(hf, "--chat --prompt 'hello you'");
  BOOST_TEST(plain[1].size() == 5U);  // max_new_tokens of generation_config.json
  BOOST_TEST(plain[2] != chat[2]);
  const std::string ids = run_mhub("tokenize " + hf + " 'hello you'").out;
  BOOST_TEST(!ids.empty());

  const std::vector<std::pair<std::string, std::string>> outputs{
      {"hf.h5", hf + " --to hdf5"},
      {"dist", hf + " --to torch_dist --tp 2"},
      {"torch", hf + " --to torch --pp 1"},
      {"dist.h5", (scratch / "dist") + " --to hdf5"},
      {"again", (scratch / "dist.h5") + " --to hf"}};
  for (const auto& [name, arguments] : outputs) {
    const std::string out = scratch / name;
    const std::size_t space = arguments.find(' ');
    const Run run = run_mhub("convert " + arguments.substr(0, space) + " " + out + arguments.substr(space));
    BOOST_TEST_REQUIRE(run.code == 0, name << ": " << run.err);
    BOOST_TEST(answer(out, "--prompt 'hello you'") == plain, name);
    BOOST_TEST(answer(out, "--chat --prompt 'hello you'") == chat, name);
    BOOST_TEST(run_mhub("tokenize " + out + " 'hello you'").out == ids, name);
  }
  BOOST_TEST(TinyLlama::read_text(scratch / "again/additional_chat_templates/tool_use.jinja") == "tools");
}

BOOST_AUTO_TEST_CASE(sources_without_a_tokenizer) {
  const Scratch scratch;
  write_sized_llama(scratch / "hf", 1);
  BOOST_TEST(run_mhub("convert " + (scratch / "hf") + " " + (scratch / "x.h5") + " --to hdf5").code == 0);
  for (const std::string name : {"hf", "x.h5"}) {
    const Run run = run_mhub("generate " + (scratch / name) + " --prompt hello");
    BOOST_TEST(run.code == 3);
    BOOST_TEST(run.err.find("no tokenizer") != std::string::npos, run.err);
    BOOST_TEST(run_mhub("tokenize " + (scratch / name) + " hello").code == 3);
    BOOST_TEST(run_mhub("generate " + (scratch / name) + " --tokens 1,2 --max-new-tokens 2").code == 0);
  }
}

BOOST_AUTO_TEST_SUITE_END()
