// SPDX-License-Identifier: Apache-2.0
#include "converters/terminal.hpp"

#include <fstream>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "cli/run_mhub.hpp"
#include "convert/any_model.hpp"
#include "runtime/tiny_model.hpp"

BOOST_AUTO_TEST_SUITE(terminal)

using namespace mhub::tests;
using mhub::converters::printable_text;

namespace {

/// Runs a command whose standard output is a terminal (util-linux's script makes one).
std::string on_a_terminal(const Scratch& scratch, const std::string& arguments) {
  const std::string command =
      "script -qec '" MHUB_BINARY " " + arguments + "' " + (scratch / "typed") + " > /dev/null 2>&1";
  BOOST_TEST_REQUIRE(std::system(command.c_str()) != -1);
  return TinyModel::read_text(scratch / "typed");
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_steers_a_terminal_is_escaped) {
  BOOST_TEST(printable_text("plain\ttext\n") == "plain\ttext\n");
  BOOST_TEST(printable_text("\x1b[2J\r\a\x7f") == "\\x1b[2J\\x0d\\x07\\x7f");
  BOOST_TEST(printable_text("\u009b31m") == "\\x9b31m");
  BOOST_TEST(printable_text("a\u202eb\u2066\u200f") == "a\\u202eb\\u2066\\u200f");
  BOOST_TEST(printable_text("\xff\xfe"
                            "ok\xc3") == "\\xff\\xfeok\\xc3");
  BOOST_TEST(printable_text("gr\u00fc\u00df \u4f60\U0001f600") == "gr\u00fc\u00df \u4f60\U0001f600");
  BOOST_TEST(printable_text("") == "");
}

BOOST_AUTO_TEST_CASE(names_of_a_file_do_not_reach_a_terminal_raw) {
  const Scratch scratch;
  TinyModel model;
  model.config["architectures"] = {"\u001b]0;title\u0007\u202e" + std::string(9000, 'x')};
  model.config["model_type"] = "no";
  model.write(scratch / "hf");
  const Run run = run_mhub("inspect " + (scratch / "hf"));
  BOOST_TEST(run.code == 3);
  BOOST_TEST(run.err.find("\\x1b]0;title\\x07\\u202ex") != std::string::npos);
  BOOST_TEST(run.err.size() < 10000U);
}

BOOST_AUTO_TEST_CASE(a_path_does_not_reach_a_terminal_raw) {
  const Scratch scratch;
  TinyModel().write(scratch / "hf");
  const std::string out = scratch / "out\x1b]0;title";
  const std::string command = "convert " + (scratch / "hf") + " \"" + out + "\"";
  const std::string typed = on_a_terminal(scratch, command);
  BOOST_TEST(typed.find("out\\x1b]0;title: LlamaForCausalLM") != std::string::npos, typed);
  BOOST_TEST(typed.find("\r\n") != std::string::npos);
  // JSON is exact everywhere: it has its own escapes for control characters.
  const std::string json = on_a_terminal(scratch, command + " --overwrite --json");
  BOOST_TEST(json.find("out\\u001b]0;title") != std::string::npos, json);
  // And so is what goes elsewhere.
  BOOST_TEST(run_mhub(command + " --overwrite").out.find("out\x1b]0;title: Llama") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_full_disk_behind_standard_output_is_an_error) {
  const Scratch scratch;
  TinyModel().write(scratch / "hf");
  for (const std::string command : {"--help", "--version", "plugins"})
    BOOST_TEST(run_mhub(command + " > /dev/full").code == 4, command);
  BOOST_TEST(run_mhub("inspect " + (scratch / "hf") + " --json > /dev/full").code == 4);
  BOOST_TEST(run_mhub("verify " + (scratch / "hf") + " " + (scratch / "hf") + " > /dev/full").code == 4);
}

BOOST_AUTO_TEST_CASE(errors_are_json_where_json_was_asked_for) {
  const Scratch scratch;
  TinyModel().write(scratch / "hf");
  const std::vector<std::pair<std::string, int>> wrong{{"inspect " + (scratch / "nowhere"), 4},
                                                       {"convert " + (scratch / "hf"), 2},
                                                       {"no-such-command", 2},
                                                       {"inspect " + (scratch / "hf/config.json"), 3}};
  for (const auto& [command, code] : wrong) {
    const Run run = run_mhub(command + " --json");
    BOOST_TEST(run.code == code, run.err);
    const nlohmann::json json = nlohmann::json::parse(run.out);
    BOOST_TEST(json["schema_version"] == 2);
    BOOST_TEST(json["error"]["exit_code"] == code);
    BOOST_TEST(run.err == "mhub: " + json["error"]["message"].get<std::string>() + "\n");
    BOOST_TEST(run_mhub(command).out.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_name_that_is_no_utf8_does_not_break_json) {
  const Scratch scratch;
  const std::string folder = scratch / "bad\xff";
  TinyModel().write(folder);
  std::ofstream(folder + "/LICENSE\xff") << "free";
  const Run run = run_mhub("convert '" + folder + "' '" + (scratch / "out\xff") + "' --json");
  BOOST_TEST(run.code == 0, run.err);
  const nlohmann::json report = nlohmann::json::parse(run.out);
  BOOST_TEST(report["output"].get<std::string>().ends_with("out\xef\xbf\xbd"));
  BOOST_TEST(report["notes"].dump().find("stays behind: its name is not UTF-8") != std::string::npos,
             run.out);
  BOOST_TEST(run_mhub("verify '" + (scratch / "out\xff") + "'").code == 0);
}

BOOST_AUTO_TEST_CASE(two_different_models_are_a_failed_check) {
  const Scratch scratch;
  TinyLlama().write(scratch / "a");
  TinyLlama wide;
  wide.config["intermediate_size"] = 16;
  any_model(wide.config).write(scratch / "b");
  const std::string command = "verify " + (scratch / "a") + " " + (scratch / "b");
  const Run json = run_mhub(command + " --json");
  BOOST_TEST(json.code == 1, json.err);
  BOOST_TEST(!nlohmann::json::parse(json.out)["unmatched"].empty());
  const Run text = run_mhub(command);
  BOOST_TEST(text.code == 1, text.err);
  BOOST_TEST(text.out.find("not the same model") != std::string::npos, text.out);
}

BOOST_AUTO_TEST_SUITE_END()
