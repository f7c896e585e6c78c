// SPDX-License-Identifier: Apache-2.0
// `mhub run` on tiny models: what is done, what is left alone, and what it says.
#include <boost/test/unit_test.hpp>

#include "cli/run_mhub.hpp"
#include "cli/tiny_llama.hpp"
#include "mhub/base/file.hpp"

BOOST_AUTO_TEST_SUITE(run_recipes)

using namespace mhub;
using namespace mhub::tests;
namespace fs = std::filesystem;

namespace {

struct Bench {
  Scratch scratch;
  TinyLlama model;

  Bench() { model.write(scratch / "a"); }
  std::string recipe(const std::string& yaml) const {
    std::string text = yaml;
    for (std::size_t at = text.find("@"); at != text.npos; at = text.find("@"))
      text.replace(at, 1, scratch.path());
    replace_file(scratch / "r.yaml", text);
    return scratch / "r.yaml";
  }
  nlohmann::json run(const std::string& yaml, int code, const std::string& more = "") const {
    const Run done = run_mhub("run " + recipe(yaml) + " --json --retries 0 " + more);
    BOOST_TEST(done.code == code, done.err << done.out);
    return nlohmann::json::parse(done.out);
  }
  /// Changes a file and makes sure that it is seen to be later.
  void touch(const std::string& path, const std::string& text) const {
    ::usleep(20000);
    replace_file(path, text);
  }
};

std::string statuses(const nlohmann::json& run) {
  std::string text;
  for (const auto& one : run["conversions"])
    text += one["name"].get<std::string>() + ":" + one["status"].get<std::string>() + " ";
  return text;
}

constexpr const char* kChain = R"(
defaults: {generate: {tokens: "1,2", max_new_tokens: 2}}
conversions:
  - {name: back, source: "${outputs.there}", output: @/out/back, to: hf, logits: true}
  - {name: there, source: @/a, output: @/out/there, tp: 2, to: torch}
)";

}  // namespace

BOOST_AUTO_TEST_CASE(a_chain_runs_once) {
  const Bench bench;
  const nlohmann::json first = bench.run(kChain, 0);
  BOOST_TEST(statuses(first) == "back:done there:done ");
  for (const auto& one : first["conversions"]) {
    BOOST_TEST(one["verified"] == true);
    for (const auto& step : one["steps"]) BOOST_TEST(step["done_before"] == false);
  }
  const nlohmann::json second = bench.run(kChain, 0);
  BOOST_TEST(statuses(second) == "back:up_to_date there:up_to_date ");
  BOOST_TEST(second["conversions"][0]["bytes"] == first["conversions"][0]["bytes"]);
  const Run said = run_mhub("run " + (bench.scratch / "r.yaml"));
  BOOST_TEST(said.out.find("there: nothing to do, ") != std::string::npos, said.out);
  BOOST_TEST(said.out.find("2 of 2 are done, 2 of them were before") != std::string::npos, said.out);
  BOOST_TEST(fs::exists(bench.scratch / "out/.there.mhub-run/report.json"));
}

BOOST_AUTO_TEST_CASE(what_changes_is_done_again) {
  const Bench bench;
  bench.run(kChain, 0);
  // Another step than before: only that.
  const nlohmann::json step = bench.run(kChain, 0, "--set generate.tokens=3,4");
  BOOST_TEST(statuses(step) == "back:done there:done ");
  for (const auto& one : step["conversions"]) {
    for (const auto& each : one["steps"]) BOOST_TEST(each["done_before"] == (each["step"] != "generate"));
  }
  BOOST_TEST(statuses(bench.run(kChain, 0, "--set there.tp=1 --set generate.tokens=3,4")) ==
             "back:done there:done ");
  TinyLlama other;
  other.payload[5] = '\x01';
  ::usleep(20000);
  other.write(bench.scratch / "a");
  BOOST_TEST(statuses(bench.run(kChain, 0)) == "back:done there:done ");
  BOOST_TEST(run_mhub("verify " + (bench.scratch / "a") + " " + (bench.scratch / "out/back")).code == 0);
  // A source that is gone is no news.
  fs::remove_all(bench.scratch / "a");
  BOOST_TEST(statuses(bench.run(kChain, 0)) == "back:up_to_date there:up_to_date ");
}

BOOST_AUTO_TEST_CASE(what_is_not_mhubs_stays) {
  const Bench bench;
  bench.run(kChain, 0);
  bench.touch(bench.scratch / "out/back/config.json", "{}");
  const nlohmann::json refused = bench.run(kChain, 2);
  BOOST_TEST(statuses(refused) == "back:failed there:up_to_date ");
  const std::string message = refused["conversions"][0]["error"]["message"];
  BOOST_TEST(message.find("has changed since mhub wrote it") != std::string::npos, message);
  BOOST_TEST(read_file(bench.scratch / "out/back/config.json", 10) == "{}");
}

BOOST_AUTO_TEST_CASE(a_run_that_died_between_two_steps_is_found) {
  const Bench bench;
  bench.run(kChain, 0);
  const std::string path = bench.scratch / "out/.there.mhub-run/state.json";
  nlohmann::json state = nlohmann::json::parse(read_file(path, 1 << 20));
  state["converting"] = true;
  state["output"] = "";
  state["steps"] = nlohmann::json::object();
  replace_file(path, state.dump());
  const nlohmann::json run = bench.run(kChain, 0);
  const nlohmann::json& there = run["conversions"][1];
  BOOST_TEST(there["status"] == "done");
  BOOST_TEST(there["steps"][0]["step"] == "verify");
  BOOST_TEST(statuses(bench.run(kChain, 0)) == "back:up_to_date there:up_to_date ");
}

BOOST_AUTO_TEST_CASE(what_convert_made_is_taken_over_if_it_is_the_same) {
  const Bench bench;
  const std::string out = bench.scratch / "out/there";
  BOOST_REQUIRE(run_mhub("convert " + (bench.scratch / "a") + " " + out + " --tp 2 --to torch").code == 0);
  const nlohmann::json run = bench.run(kChain, 0, "--only there");
  BOOST_TEST(run["conversions"][0]["steps"][0]["step"] == "verify");
  BOOST_TEST(run["conversions"][0]["verified"] == true);
  BOOST_TEST(statuses(bench.run(kChain, 0, "--only there")) == "there:up_to_date ");
  // Not with other settings.
  fs::remove_all(bench.scratch / "out/.there.mhub-run");
  const nlohmann::json other = bench.run(kChain, 2, "--only there --set there.tp=1");
  const std::string message = other["conversions"][0]["error"]["message"];
  BOOST_TEST(message.find("not what the recipe asks for") != std::string::npos, message);
  BOOST_TEST(statuses(bench.run(kChain, 0, "--only there --set there.tp=1 --set there.overwrite=true")) ==
             "there:done ");
  BOOST_TEST(statuses(bench.run(kChain, 0, "--only there --set there.tp=1 --set there.overwrite=true")) ==
             "there:up_to_date ");
}

BOOST_AUTO_TEST_CASE(what_was_not_verified_is_verified_later) {
  const Bench bench;
  bench.run(kChain, 0, "--only there --set verify=false");
  const nlohmann::json run = bench.run(kChain, 0, "--only there");
  BOOST_TEST(run["conversions"][0]["steps"][0]["step"] == "verify");
  BOOST_TEST(run["conversions"][0]["steps"][1]["done_before"] == true);
  BOOST_TEST(statuses(bench.run(kChain, 0, "--only there --set verify=false")) == "there:up_to_date ");
}

BOOST_AUTO_TEST_CASE(null_keeps_nothing) {
  const Bench bench;
  const std::string yaml =
      "conversions:\n- {name: a, source: @/a, output: /dev/null, to: 'null'}\n"
      "- {name: b, source: @/a, output: /dev/null, to: 'null', tp: 2}\n";
  for (int k = 0; k < 2; ++k) BOOST_TEST(statuses(bench.run(yaml, 0)) == "a:done b:done ");
  BOOST_TEST(!fs::exists("/dev/.null.mhub-run"));
  const Run refused = run_mhub("run " + (bench.scratch / "r.yaml") + " --set a.generate.tokens=1");
  BOOST_TEST(refused.code == 2, refused.err);
  BOOST_TEST(refused.err.find("keeps none") != std::string::npos, refused.err);
}

BOOST_AUTO_TEST_CASE(failures_name_their_entry_and_category) {
  const Bench bench;
  const std::string yaml = R"(
conversions:
  - {name: bad, source: @/a, output: @/bad, tp: 3}
  - {name: needy, source: "${outputs.bad}", output: @/needy}
  - {name: mute, source: @/a, output: @/mute, to: hf, generate: {tokens: "1", expect: nothing}}
  - {name: good, source: @/a, output: @/good}
)";
  const nlohmann::json stopped = bench.run(yaml, 3);
  BOOST_TEST(statuses(stopped) == "bad:failed needy:not_run mute:not_run good:not_run ");
  BOOST_TEST(stopped["conversions"][0]["error"]["category"] == "input");
  BOOST_TEST(stopped["exit_code"] == 3);
  const nlohmann::json kept = bench.run(yaml, 3, "--keep-going --jobs-at-once 2");
  BOOST_TEST(statuses(kept) == "bad:failed needy:not_run mute:failed good:done ");
  BOOST_TEST(kept["conversions"][2]["error"]["category"] == "mismatch");
  const Run said = run_mhub("run " + (bench.scratch / "r.yaml") + " --only bad");
  BOOST_TEST(said.out.find("bad: failed (convert): ") != std::string::npos, said.out);
}

BOOST_AUTO_TEST_CASE(infinite_logits_are_a_failed_check) {
  Bench bench;
  // The last norm's weights: 0x7f800000 is infinity.
  const auto& offsets = bench.model.header["model.norm.weight"]["data_offsets"];
  for (std::size_t at = offsets[0]; at < offsets[1].get<std::size_t>(); at += 4)
    bench.model.payload.replace(at, 4, std::string("\x00\x00\x80\x7f", 4));
  bench.model.write(bench.scratch / "a");
  const nlohmann::json run =
      bench.run("source: @/a\noutput: @/o\nto: hf\nname: n\ngenerate: {tokens: '1'}\n", 1);
  const std::string message = run["conversions"][0]["error"]["message"];
  BOOST_TEST(message.find("not finite") != std::string::npos, message);
}

BOOST_AUTO_TEST_CASE(a_dry_run_writes_nothing_and_knows_chains) {
  const Bench bench;
  const nlohmann::json plan = bench.run(kChain, 0, "--dry-run");
  BOOST_TEST(!fs::exists(bench.scratch / "out"));
  BOOST_TEST(bench.run(kChain, 0, "--dry-run --only there")["conversions"].size() == 1u);
  BOOST_TEST(run_mhub("run " + (bench.scratch / "r.yaml") + " --dry-run --report r.html").code == 2);
  const nlohmann::json& back = plan["conversions"][0];
  BOOST_TEST(back["planned_from"] == "there");
  BOOST_TEST(back["total_bytes"].get<std::uint64_t>() > 0u);
  BOOST_TEST(plan["seconds"].is_null());
  BOOST_TEST(plan["disks"][0]["needed_bytes"] == plan["to_convert_bytes"]);
  bench.run(kChain, 0);
  const nlohmann::json after = bench.run(kChain, 0, "--dry-run --set back.dtype=bf16");
  BOOST_TEST(after["conversions"][1]["work"] == "nothing");
  BOOST_TEST(after["conversions"][0]["work"] == "convert");
  BOOST_TEST(after["conversions"][0]["why"] == "the recipe has changed");
  BOOST_TEST(after["seconds"].get<double>() > 0);
  BOOST_TEST(after["memory_bytes"].get<std::uint64_t>() > 0u);
}

BOOST_AUTO_TEST_CASE(what_a_run_left_of_something_else_goes) {
  const Bench bench;
  const char* yaml = "source: @/a\noutput: @/o\nto: hf\nname: n\n";
  bench.run(yaml, 0);
  const std::string file = bench.scratch / ".o.mhub-run/state.json";
  nlohmann::json state = nlohmann::json::parse(read_file(file, 1 << 20));
  state["converting"] = true;
  state["output"] = state["replaces"] = "";
  replace_file(file, state.dump());
  fs::remove_all(bench.scratch / "o");
  fs::create_directories(bench.scratch / ".o.mhub-partial/output");
  for (const std::string& key : {std::string("zzz"), std::string(2000, 'z')}) {
    replace_file(bench.scratch / ".o.mhub-partial/.mhub-partial", "");
    replace_file(bench.scratch / ".o.mhub-partial/key", key);
    bench.run(std::string(yaml) + "resume: true\n", 3);
    const nlohmann::json done = bench.run(yaml, 0);
    BOOST_TEST(done["conversions"][0]["resumed"] == false);
    fs::remove_all(bench.scratch / "o");
    replace_file(file, state.dump());
    fs::create_directories(bench.scratch / ".o.mhub-partial/output");
  }
}

BOOST_AUTO_TEST_CASE(retries_are_for_the_system_alone) {
  const Bench bench;
  TinyLlama::write_text(bench.scratch / "file", "");
  // A file where a folder has to be.
  const std::string recipe = bench.recipe("source: @/a\noutput: @/file/out\nname: n\n");
  const Run io = run_mhub("run " + recipe + " --json --retries 1 --retry-delay 0");
  BOOST_TEST(io.code == 4);
  BOOST_TEST(nlohmann::json::parse(io.out)["conversions"][0]["attempts"] == 2);
  const Run usage = run_mhub("run " + bench.recipe("source: @/a\noutput: @/o\ntp: 3\nname: n\n") +
                             " --json --retries 1 --retry-delay 0");
  BOOST_TEST(nlohmann::json::parse(usage.out)["conversions"][0]["attempts"] == 1);
}

BOOST_AUTO_TEST_SUITE_END()
