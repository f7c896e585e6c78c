// SPDX-License-Identifier: Apache-2.0
#include <fstream>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "cli/run_mhub.hpp"
#include "runtime/tiny_model.hpp"

using namespace mhub::tests;

BOOST_AUTO_TEST_SUITE(generation_commands)

BOOST_AUTO_TEST_CASE(generate) {
  const Scratch scratch;
  TinyModel().write(scratch / "model");
  const std::string command = "generate " + (scratch / "model") + " ";
  const Run run = run_mhub(command + "--tokens 1,2,3 --max-new-tokens 4 --temperature 0 --ignore-eos");
  BOOST_TEST(run.code == 0);
  BOOST_TEST(std::count(run.out.begin(), run.out.end(), ',') == 3);
  const Run json =
      run_mhub(command + "--tokens 1,2,3 --max-new-tokens 4 --temperature 0 --ignore-eos --json");
  const nlohmann::json report = nlohmann::json::parse(json.out);
  BOOST_TEST(report["tokens"].size() == 4U);
  BOOST_TEST(run_mhub(command + "--tokens '1 2, 3 ' --max-new-tokens 4 --temperature 0 --ignore-eos").out ==
             run.out);
  BOOST_TEST(report["finish"] == "length");
  BOOST_TEST(report["prompt_tokens"] == 3);

  for (const std::string bad :
       {"", "--tokens 1,x", "--tokens 1,,2", "--tokens 1,", "--tokens ' '", "--tokens -1", "--tokens 13",
        "--prompt a --tokens 1", "--tokens 1 --chat", "--tokens 1 --temperature -1", "--tokens 1 --top-p 2",
        "--tokens 1 --max-new-tokens 0", "--tokens 1 --threads -1", "--tokens 1 --backend x"}) {
    const Run refused = run_mhub(command + bad);
    BOOST_TEST(refused.code == 2, bad << ": exit " << refused.code << " " << refused.err);
  }
  BOOST_TEST(run_mhub(command + "--prompt text").code == 3);  // no tokenizer
}

BOOST_AUTO_TEST_CASE(generation_config_is_honoured_or_refused_by_name) {
  const Scratch scratch;
  TinyModel().write(scratch / "model");
  const auto generated = [&](const std::string& config, const std::string& options = "") {
    TinyLlama::write_text(scratch / "model/generation_config.json", config);
    return run_mhub("generate " + (scratch / "model") + " --tokens 1,2,3 --json " + options);
  };
  const auto tokens = [&](const std::string& config, const std::string& options = "") {
    const Run run = generated(config, options);
    BOOST_TEST(run.code == 0, run.err);
    return nlohmann::json::parse(run.out)["tokens"];
  };
  const nlohmann::json plain = tokens("{}", "--max-new-tokens 6");
  const std::string first = plain[0].dump();
  BOOST_TEST(tokens(R"({"max_length": 6})").size() == 3U);
  BOOST_TEST(tokens(R"({"max_new_tokens": 5, "eos_token_id": )" + first + "}").size() == 1U);
  BOOST_TEST(tokens(R"({"max_new_tokens": 5, "min_new_tokens": 5, "eos_token_id": )" + first + "}").size() ==
             5U);
  BOOST_TEST(tokens(R"({"max_new_tokens": 2, "suppress_tokens": [)" + first + "]}")[0] != plain[0]);
  BOOST_TEST(tokens("{}", "--max-new-tokens 6 --stop-token-ids " + first).size() == 1U);
  BOOST_TEST(tokens("{}", "--max-new-tokens 3 --no-repeat-ngram-size 1").size() == 3U);
  // Not used while nothing is drawn.
  BOOST_TEST(tokens(R"({"top_k": -1, "top_p": 0, "typical_p": 0.5})", "--max-new-tokens 6") == plain);
  for (const std::string field :
       {R"("num_beams": 4)", R"("guidance_scale": 2.0)", R"("do_sample": true, "typical_p": 0.5)",
        R"("do_sample": true, "temperature": 0.0)", R"("do_sample": true, "top_k": -1)",
        R"("forced_eos_token_id": 500)", R"("bad_words_ids": 3)", R"("min_length": "a")"}) {
    const Run run = generated("{" + field + "}");
    BOOST_TEST(run.code == 3, field << ": exit " << run.code);
    BOOST_TEST(run.err.find("generation_config.json: ") != std::string::npos, run.err);
  }
  BOOST_TEST(generated(R"({"do_sample": true, "top_k": -1})", "--top-k 5 --max-new-tokens 2").code == 0);
  BOOST_TEST(generated("{}", "--top-k -1").code == 2);
}

BOOST_AUTO_TEST_CASE(logits) {
  const Scratch scratch;
  TinyModel().write(scratch / "model");
  const std::string output = scratch / "logits.npy";
  const Run run = run_mhub("logits " + (scratch / "model") + " --tokens 1,2,3 --output " + output);
  BOOST_TEST(run.code == 0);
  const std::string bytes = TinyLlama::read_text(output);
  BOOST_TEST(bytes.substr(1, 5) == "NUMPY");
  BOOST_TEST(bytes.find("'shape': (3, 13)") != std::string::npos);
  BOOST_TEST(bytes.size() == 128U + 3 * 13 * 4);  // the header is padded to 128 bytes
  BOOST_TEST(run_mhub("logits " + (scratch / "model") + " --tokens 1").code == 2);
  BOOST_TEST(run_mhub("logits " + (scratch / "model") + " --tokens 1 --output " + output + "/x.npy").code ==
             4);
  TinyModel odd;
  odd.config["hidden_act"] = "mish";
  odd.write(scratch / "odd");
  BOOST_TEST(run_mhub("logits " + (scratch / "odd") + " --tokens 1 --overwrite --output " + output).code ==
             3);
}

BOOST_AUTO_TEST_SUITE_END()
