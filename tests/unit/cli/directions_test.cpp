// SPDX-License-Identifier: Apache-2.0
// Every direction through the command line, and what proves it: export, resharding, archives, manifests.
#include <boost/test/unit_test.hpp>

#include "cli/folder_content.hpp"
#include "cli/run_mhub.hpp"
#include "cli/tiny_llama.hpp"

BOOST_AUTO_TEST_SUITE(directions)

using namespace mhub::tests;
namespace fs = std::filesystem;

namespace {

void require_ok(const Run& run) { BOOST_REQUIRE_MESSAGE(run.code == 0, run.err << run.out); }

}  // namespace

BOOST_AUTO_TEST_CASE(any_layout_to_any_layout_and_back) {
  const Scratch scratch;
  TinyLlama model;
  model.write(scratch / "hf");
  const std::vector<std::string> layouts{
      "--tp 2",
      "--pp 2",
      "--tp 2 --pp 2 --make-vocab-size-divisible-by 16",
      "--to torch --tp 2 --pp 2",
      "--to torch --transformer-impl local --make-vocab-size-divisible-by 4",
      "--to torch --pp-layout 'Ett|L' --pp 2",
      "--to torch --pp 2 --first-stage-layers 1 --iteration 7",
      "--to hdf5",
      "--to hf --max-shard-size 1KB"};
  std::string from = scratch / "hf";
  for (std::size_t k = 0; k < 2 * layouts.size(); ++k) {
    const std::string to = scratch / ("step" + std::to_string(k));
    require_ok(
        run_mhub("convert " + from + " " + to + " " + layouts[(5 * k) % layouts.size()] + " --verify"));
    require_ok(run_mhub("verify " + (scratch / "hf") + " " + to));
    require_ok(run_mhub("verify " + to));
    from = to;
  }
  require_ok(run_mhub("convert " + from + " " + (scratch / "back") + " --to hf"));
  require_ok(run_mhub("verify " + (scratch / "hf") + " " + (scratch / "back")));
}

BOOST_AUTO_TEST_CASE(the_original_files_come_back) {
  const Scratch scratch;
  TinyLlama().write(scratch / "one");
  require_ok(
      run_mhub("convert " + (scratch / "one") + " " + (scratch / "hf") + " --to hf --max-shard-size 1KB"));
  const auto files = folder_content(scratch / "hf");
  BOOST_REQUIRE(files.contains("model.safetensors.index.json"));
  for (const std::string format : {"torch_dist", "torch", "hdf5"}) {
    require_ok(run_mhub("convert " + (scratch / "hf") + " " + (scratch / format) + " --to " + format));
    require_ok(
        run_mhub("convert " + (scratch / format) + " " + (scratch / "again") + " --to hf --overwrite"));
    for (auto [name, content] : folder_content(scratch / "again")) {
      if (name.ends_with(".safetensors") || name.ends_with("index.json"))
        BOOST_TEST((files.at(name) == content), name);
    }
    require_ok(run_mhub("convert " + (scratch / format) + " " + (scratch / "other") +
                        " --to hf --max-shard-size 5GB --overwrite"));
    BOOST_TEST(fs::exists(scratch / "other/model.safetensors"));
  }
}

BOOST_AUTO_TEST_CASE(export_needs_nothing_but_the_checkpoint) {
  const Scratch scratch;
  TinyLlama model;
  model.config["rms_norm_eps"] = 1e-6;
  model.write(scratch / "hf");
  for (const std::string format : {"torch_dist", "torch"}) {
    const std::string folder = scratch / format;
    require_ok(run_mhub("convert " + (scratch / "hf") + " " + folder + " --to " + format));
    fs::remove(folder + "/mhub_manifest.json");
    for (const bool bridge : {true, false}) {  // from run_config.yaml, then from args
      if (!bridge) fs::remove(folder + "/release/run_config.yaml");
      require_ok(run_mhub("convert " + folder + " " + (scratch / "out") + " --to hf --overwrite"));
      require_ok(run_mhub("verify " + (scratch / "hf") + " " + (scratch / "out")));
      const auto config = nlohmann::json::parse(TinyLlama::read_text(scratch / "out/config.json"));
      BOOST_TEST(config["architectures"][0] == "LlamaForCausalLM");
      // args know the padded vocabulary only where it was padded.
      BOOST_TEST(config["rms_norm_eps"] == 1e-6);
      BOOST_TEST(config["num_key_value_heads"] == 2);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_checkpoint_that_says_nothing_needs_a_reference) {
  const Scratch scratch;
  TinyLlama().write(scratch / "hf");
  const std::string folder = scratch / "dist";
  require_ok(run_mhub("convert " + (scratch / "hf") + " " + folder));
  for (const char* name : {"/mhub_manifest.json", "/release/run_config.yaml", "/release/common.pt"})
    fs::remove(folder + name);
  const Run refused = run_mhub("convert " + folder + " " + (scratch / "out") + " --to hf");
  BOOST_TEST(refused.code == 3);
  BOOST_TEST(refused.err.find("--hf-reference") != std::string::npos);
  require_ok(run_mhub("convert " + folder + " " + (scratch / "out") + " --to hf --hf-reference " +
                      (scratch / "hf")));
  require_ok(run_mhub("verify " + (scratch / "hf") + " " + (scratch / "out")));
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_is_found) {
  const Scratch scratch;
  TinyLlama().write(scratch / "hf");
  const std::vector<std::string> formats{"torch_dist --tp 2 --make-vocab-size-divisible-by 8", "torch --pp 2",
                                         "hf"};
  for (const std::string& format : formats) {
    const std::string folder = scratch / "out";
    fs::remove_all(folder);
    require_ok(run_mhub("convert " + (scratch / "hf") + " " + folder + " --to " + format));
    const auto whole = folder_content(folder);
    std::size_t salt = 0;
    for (const auto& [name, content] : whole) {
      if (content.empty()) continue;
      for (int part = 0; part < 3; ++part) {
        std::string spoilt = content;
        const std::size_t at =
            (content.size() - 1) * static_cast<std::size_t>(part) / 2 + (part == 1 ? salt++ % 7 : 0);
        char& byte = spoilt[std::min(at, content.size() - 1)];
        byte = static_cast<char>(byte ^ (1 << (part * 3 % 8)));
        TinyLlama::write_text(fs::path(folder) / name, spoilt);
        const Run run = run_mhub("verify " + folder);
        BOOST_TEST((run.code == 1 || run.code == 3),
                   format << ": " << name << " at " << at << ": " << run.out << run.err);
      }
      TinyLlama::write_text(fs::path(folder) / name, content);
    }
    require_ok(run_mhub("verify " + folder));
  }
}

BOOST_AUTO_TEST_CASE(a_difference_is_named_with_its_place_and_size) {
  const Scratch scratch;
  TinyLlama model;
  model.write(scratch / "a");
  const float changed = 2.5F;
  const std::size_t begin = model.header["model.layers.1.mlp.up_proj.weight"]["data_offsets"][0];
  float original = 0;
  std::memcpy(&original, model.payload.data() + begin + 4 * 11, 4);
  std::memcpy(model.payload.data() + begin + 4 * 11, &changed, 4);
  model.write(scratch / "b");
  require_ok(run_mhub("convert " + (scratch / "b") + " " + (scratch / "m") + " --tp 2 --pp 2 --to torch"));
  const Run run = run_mhub("verify " + (scratch / "a") + " " + (scratch / "m") + " --json");
  BOOST_TEST(run.code == 1);
  const auto report = nlohmann::json::parse(run.out);
  BOOST_REQUIRE(report["differences"].size() == 1u);
  const auto& difference = report["differences"][0];
  BOOST_TEST(difference["tensor"] == "decoder.layers.1.mlp.linear_fc1.weight");
  BOOST_TEST(difference["first_index"] == 12 * 8 + 11);  // behind all gate rows
  BOOST_TEST(difference["count"] == 1);
  BOOST_TEST(std::abs(difference["max_abs_difference"].get<double>() - std::abs(2.5 - original)) < 1e-6);
}

BOOST_AUTO_TEST_CASE(a_cast_is_verified_as_exactly_that_rounding) {
  const Scratch scratch;
  TinyLlama().write(scratch / "hf");
  require_ok(run_mhub("convert " + (scratch / "hf") + " " + (scratch / "bf16") + " --dtype bf16"));
  BOOST_TEST(run_mhub("verify " + (scratch / "hf") + " " + (scratch / "bf16")).code == 1);
  require_ok(run_mhub("verify " + (scratch / "hf") + " " + (scratch / "bf16") + " --cast"));
}

BOOST_AUTO_TEST_CASE(disk_space_is_asked_for_first) {
  const Scratch scratch;
  TinyLlama().write(scratch / "hf");
  const Run run = run_mhub("convert " + (scratch / "hf") + " " + (scratch / "out") + " --dry-run --json");
  require_ok(run);
  const auto plan = nlohmann::json::parse(run.out);
  BOOST_TEST(plan["total_bytes"].get<std::uint64_t>() > 0);
  BOOST_TEST(plan["free_bytes"].get<std::uint64_t>() > 0);
  BOOST_TEST(plan["output_exists"] == false);
  BOOST_TEST(!fs::exists(scratch / "out"));
  const std::string over_source = "convert " + (scratch / "hf") + " " + (scratch / "hf") + "_too --dry-run";
  fs::create_directory((scratch / "hf") + "_too");
  BOOST_TEST(run_mhub(over_source).out.find("--overwrite") == std::string::npos);
  TinyLlama().write((scratch / "hf") + "_too");
  BOOST_TEST(run_mhub(over_source).out.find("which a run refuses") != std::string::npos);
  BOOST_TEST(run_mhub(over_source + " --overwrite").out.find("refuses") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
