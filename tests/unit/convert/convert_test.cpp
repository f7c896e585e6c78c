// SPDX-License-Identifier: Apache-2.0
// The library converts: what the command does, from C++.
#include "mhub/convert/convert.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "cli/sized_llama.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/convert/manifest.hpp"
#include "mhub/convert/verify.hpp"

BOOST_AUTO_TEST_SUITE(convert_pipeline)

using namespace mhub;
namespace fs = std::filesystem;

namespace {

struct Files {
  Files() { tests::write_sized_llama(folder.file("hf"), 2); }
  std::string operator/(const std::string& name) const { return folder.file(name); }
  tests::TemporaryFolder folder;
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_format_from_one_opened_source) {
  const Files files;
  const auto source = std::make_shared<const Checkpoint>(open_checkpoint(files / "hf"));
  const std::vector<WriteOptions> all{{},
                                      {.format = "torch_dist", .tp = 2, .pp = 2},
                                      {.format = "torch", .tp = 2, .vocab_divisible_by = 8},
                                      {.format = "hf", .max_shard_bytes = 1'000'000},
                                      {.format = "hdf5"}};
  for (std::size_t k = 0; k < all.size(); ++k) {
    const std::string output = files / std::to_string(k);
    const nlohmann::json report = convert(Conversion(source, all[k]), output, {.verify = true});
    BOOST_TEST(report["verified"] == true);
    BOOST_TEST(report["model"] == "LlamaForCausalLM");
    BOOST_TEST(report["format"] == (all[k].format.empty() ? "torch_dist" : all[k].format));
    const VerifyReport same = verify(files / "hf", output);
    BOOST_TEST(same.differences.empty());
    BOOST_TEST(same.bytes > 0u);
    BOOST_TEST(check_manifest(open_checkpoint(output)).problems.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_conversion_outlives_what_made_it_and_may_be_moved) {
  const Files files;
  std::vector<Conversion> list;
  for (const char* format : {"torch", "hf"}) list.push_back(plan(files / "hf", {.format = format}));
  const Conversion copy = list.front();
  list.erase(list.begin());
  convert(copy, files / "a");
  convert(list.front(), files / "b");
  BOOST_TEST(verify(files / "a", files / "b").differences.empty());
  const nlohmann::json described = describe(copy, files / "c");
  BOOST_TEST(described["total_bytes"] == copy.bytes());
  BOOST_TEST(!fs::exists(files / "c"));
}

BOOST_AUTO_TEST_CASE(progress_is_told_stage_by_stage) {
  const Files files;
  std::map<std::string, std::uint64_t, std::less<>> done;
  std::mutex mutex;
  RunOptions run{.verify = true};
  run.callbacks.on_progress = [&](const Progress& now) {
    const std::lock_guard lock(mutex);
    std::uint64_t& most = done[std::string(now.stage)];
    most = std::max(most, now.done);
    BOOST_CHECK(now.done <= now.total);
  };
  const nlohmann::json report = convert(files / "hf", files / "out", {.tp = 2}, run);
  BOOST_TEST(done.size() == 2u);
  BOOST_TEST(done["converting"] == report["bytes"].get<std::uint64_t>());
  BOOST_TEST(done["verifying"] > 0u);
}

BOOST_AUTO_TEST_CASE(a_cancelled_conversion_leaves_no_output_and_can_be_resumed) {
  const Files files;
  std::atomic<int> asked{0};
  RunOptions run{.jobs = 1};
  run.callbacks.cancelled = [&] { return ++asked > 6; };
  BOOST_CHECK_EXCEPTION(convert(files / "hf", files / "out", {}, run), Error, [](const Error& error) {
    return error.category() == ErrorCategory::interrupted &&
           std::string(error.what()).find("--resume continues") != std::string::npos;
  });
  BOOST_TEST(!fs::exists(files / "out"));
  const nlohmann::json report = convert(files / "hf", files / "out", {}, {.resume = true, .verify = true});
  BOOST_TEST(report["resumed"] == true);
}

BOOST_AUTO_TEST_CASE(files_inside_an_archive_are_checked_too) {
  const Files files;
  write_file(files / "hf/LICENSE", std::string("free"));
  convert(files / "hf", files / "a.h5", {.format = "hdf5"});
  Checkpoint archive = open_checkpoint(files / "a.h5");
  const ManifestReport whole = check_manifest(archive);
  BOOST_TEST(whole.problems.empty());
  BOOST_TEST(whole.files == archive.files->names().size() - 1);  // but for the manifest
  fs::create_directory(files / "changed");
  for (const std::string& name : archive.files->names())
    write_file((fs::path(files / "changed") / name).string(), archive.files->read(name, 1 << 20));
  fs::remove(files / "changed/LICENSE");
  write_file(files / "changed/added.txt", std::string("more"));
  replace_file(files / "changed/config.json", std::string("{}"));
  archive.files = folder_files(files / "changed");
  std::vector<std::string> found;
  for (const ManifestProblem& one : check_manifest(archive).problems)
    found.push_back(fs::path(one.file).filename().string() + " " + one.what);
  const std::vector<std::string> expected{"LICENSE is missing", "config.json differs from what was written",
                                          "added.txt was not there when the archive was written"};
  BOOST_TEST(found == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_appended_to_an_archive_is_seen) {
  const Files files;
  convert(files / "hf", files / "a.h5", {.format = "hdf5"});
  std::ofstream(files / "a.h5", std::ios::app) << "mine";
  const ManifestReport report = check_manifest(open_checkpoint(files / "a.h5"));
  BOOST_REQUIRE(report.problems.size() == 1u);
  BOOST_TEST(report.problems[0].file.ends_with("a.h5: 4 bytes behind its end"), report.problems[0].file);
  BOOST_CHECK_EXCEPTION(convert(files / "hf", files / "a.h5", {.format = "hdf5"}, {.overwrite = true}),
                        UsageError, tests::message_has("a.h5: 4 bytes behind its end"));
}

BOOST_AUTO_TEST_CASE(a_chain_of_conversions_may_be_long) {
  const Files files;
  std::string last = files / "hf";
  const auto convert_on = [&](int k) {
    const std::string next = files / ("step" + std::to_string(k));
    convert(last, next, {.format = k % 2 == 0 ? "torch" : "hf"});
    if (k > 0) fs::remove_all(last);
    last = next;
  };
  for (int k = 0; k < 140; ++k) convert_on(k);
  const nlohmann::json source = open_checkpoint(last).manifest["source"];
  BOOST_TEST(source["name"] == "step138");
  BOOST_REQUIRE(source["made_from"].size() == 32u);
  BOOST_TEST(source["made_from"].front()["name"] == "step137");
  BOOST_TEST(source["made_from"].back()["name"] == "hf");
}

BOOST_AUTO_TEST_CASE(nested_ancestors_of_older_manifests_are_kept) {
  const Files files;
  convert(files / "hf", files / "a");
  nlohmann::json manifest = parse_json_file(files / "a/mhub_manifest.json", 1 << 20);
  manifest["source"]["made_from"] = {{"name", "b"}, {"made_from", {{"name", "c"}}}};
  replace_file(files / "a/mhub_manifest.json", manifest_text(manifest));
  convert(files / "a", files / "d", {.format = "hf"});
  const nlohmann::json source = open_checkpoint(files / "d").manifest["source"];
  std::vector<std::string> names;
  for (const nlohmann::json& one : source["made_from"]) names.push_back(one["name"]);
  BOOST_TEST(names == (std::vector<std::string>{"hf", "b", "c"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_target_is_never_replaced_unasked) {
  const Files files;
  convert(files / "hf", files / "out");
  BOOST_CHECK_THROW(convert(files / "hf", files / "out"), UsageError);
  convert(files / "hf", files / "out", {.format = "hf"}, {.overwrite = true});
  BOOST_TEST(verify(files / "hf", files / "out").differences.empty());
  BOOST_CHECK_THROW(convert(files / "hf", files / "hf", {}, {.overwrite = true}), UsageError);
  convert(files / "hf", files / "file", {.format = "hdf5"});
  convert(files / "hf", files / "file", {.format = "hdf5"}, {.overwrite = true});
  BOOST_CHECK_THROW(plan(files / "hf", {.format = "safetensors"}), UsageError);
}

BOOST_AUTO_TEST_CASE(an_archive_is_the_same_every_time) {
  const Files files;
  auto made = [&](int jobs) {
    convert(files / "hf", files / "a.h5", {.format = "hdf5"}, {.jobs = jobs, .overwrite = true});
    return read_file(files / "a.h5", 1 << 30);
  };
  const std::string first = made(8);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // HDF5's times are seconds
  for (const int jobs : {1, 8, 8}) BOOST_TEST((made(jobs) == first));
}

BOOST_AUTO_TEST_CASE(only_what_the_manifest_lists_is_replaced) {
  const Files files;
  const std::string out = files / "out", precious = files / "precious";
  write_file(precious, std::string("x"));
  convert(files / "hf", out);
  auto refused = [&](const std::string& name) {
    BOOST_CHECK_EXCEPTION(convert(files / "hf", out, {}, {.overwrite = true}), UsageError,
                          tests::message_has(out + "/" + name, "not written by mhub"));
    BOOST_TEST(fs::exists(fs::symlink_status(out + "/" + name)));
    BOOST_TEST(verify(files / "hf", out).differences.empty());
    fs::remove_all(out + "/" + name);
  };
  // A folder that was trained into.
  fs::create_directory(out + "/iter_0000100");
  write_file(out + "/iter_0000100/common.pt", std::string("x"));
  refused("iter_0000100");
  fs::create_directory(out + "/empty");
  refused("empty");
  write_file(out + "/release/notes", std::string("x"));
  refused("release/notes");
  fs::create_symlink(precious, out + "/link");
  refused("link");
  fs::rename(out + "/release/common.pt", files / "common.pt");
  fs::create_symlink(files / "common.pt", out + "/release/common.pt");
  refused("release/common.pt");
  convert(files / "hf", out, {.format = "hf"}, {.overwrite = true});
  BOOST_TEST(verify(files / "hf", out).differences.empty());
  BOOST_TEST(!fs::exists(out + "/release"));
  // A manifest of somebody else does not lead out of its folder.
  fs::create_directory(files / "bad");
  write_file(files / (std::string("bad/") + kManifestName), R"({"files": {"../precious": {}, "/": {}}})");
  BOOST_CHECK_THROW(convert(files / "hf", files / "bad", {}, {.overwrite = true}), UsageError);
  BOOST_TEST(fs::exists(precious));
}

BOOST_AUTO_TEST_CASE(what_has_changed_since_is_not_replaced) {
  const Files files;
  const auto flip = [](const std::string& file) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(-3, std::ios::end);
    const char byte = static_cast<char>(stream.get() ^ 1);
    stream.seekp(-3, std::ios::end);
    stream.put(byte);
  };
  const std::vector<std::pair<std::string, std::string>> outputs{{"hf", "model.safetensors"},
                                                                 {"torch_dist", "release/__0_0.distcp"},
                                                                 {"torch", "release/run_config.yaml"},
                                                                 {"hdf5", ""}};
  for (const auto& [format, name] : outputs) {
    const std::string out = files / ("to-" + format), file = name.empty() ? out : out + "/" + name;
    convert(files / "hf", out, {.format = format});
    // Touched, and as it was: all of it is read.
    fs::last_write_time(file, fs::file_time_type::clock::now());
    convert(files / "hf", out, {.format = format}, {.overwrite = true});
    flip(file);
    const std::string changed = read_file(file, 1 << 30);
    BOOST_CHECK_EXCEPTION(convert(files / "hf", out, {.format = format}, {.overwrite = true}), UsageError,
                          tests::message_has(out, "has changed since mhub wrote it"));
    BOOST_TEST((read_file(file, 1 << 30) == changed));
  }
}

BOOST_AUTO_TEST_CASE(a_training_beside_what_was_written_is_told_from_it) {
  const Files files;
  convert(files / "hf", files / "out");
  fs::create_directory_symlink(files / "out", files / "link");
  for (const std::string& path : {files / "out", files / "link", fs::proximate(files / "out").string()})
    BOOST_TEST(check_manifest(open_checkpoint(path)).problems.empty(), path);
  fs::copy(files / "out/release", files / "out/iter_0000100");
  replace_file(files / "out/latest_checkpointed_iteration.txt", "100");
  const ManifestReport report = check_manifest(open_checkpoint(files / "out"));
  BOOST_REQUIRE(report.problems.size() == 1U);
  BOOST_TEST(report.problems[0].file == files / "out/iter_0000100");
  BOOST_TEST(report.problems[0].what.find("was not there when") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_checkpoint_that_says_two_things_says_so) {
  const Files files;
  convert(files / "hf", files / "out");
  const std::string name = files / "out/release/run_config.yaml", text = read_file(name, 1 << 20);
  BOOST_TEST(open_checkpoint(files / "out").notes.empty());
  const auto notes_of = [&](const std::string& changed) {
    replace_file(name, changed);
    std::string notes;
    for (const std::string& one : open_checkpoint(files / "out").notes) notes += one + "\n";
    return notes;
  };
  const std::size_t at = text.find("rotary_base: ") + 13;
  const std::string other = text.substr(0, at) + "4321.0" + text.substr(text.find('\n', at));
  BOOST_TEST(notes_of(other).find("rotary_base") != std::string::npos);
  BOOST_TEST(notes_of("model: {").find("not valid YAML") != std::string::npos);
  BOOST_TEST(notes_of("model: &x [*x]").find("contains itself") != std::string::npos);
  BOOST_TEST(notes_of("a: 1\n---\nb: 2\n").find("several YAML documents") != std::string::npos);
  // yaml-cpp's LoadAll never ends on these.
  for (const std::string comma : {",", ",!", ", a: 1\n"})
    BOOST_TEST(notes_of(comma).find("YAML") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(source_and_output_are_kept_apart) {
  const Files files;
  convert(files / "hf", files / "copy", {.format = "hf"});
  convert(files / "hf", files / "dist");
  convert(files / "hf", files / "a.h5", {.format = "hdf5"});
  fs::create_directory_symlink(files.folder.path(), files / "link");
  fs::create_directory(files / "linked");
  for (const char* name : {"config.json", "model.safetensors"})
    fs::create_symlink(files / (std::string("copy/") + name), files / (std::string("linked/") + name));
  auto refused = [&](const std::string& from, const std::string& to, const WriteOptions& options = {}) {
    BOOST_CHECK_EXCEPTION(convert(files / from, files / to, options, {.overwrite = true}), UsageError,
                          tests::message_has(files / from, files / to, "another place"));
  };
  refused("copy", "copy", {.format = "hf"});
  refused("copy", "link/copy", {.format = "hf"});
  refused("link/copy", "copy");
  refused("copy", "copy/out");
  refused("copy", "link/copy/new/out");
  refused("dist/release", "dist");
  refused("dist/release", "link/dist");
  refused("dist", "dist/out");
  refused("dist/release", "dist/out");  // its root has the manifest
  refused("a.h5", "a.h5", {.format = "hdf5"});
  refused("a.h5", "link/a.h5", {.format = "hdf5"});
  refused("linked", "copy", {.format = "hf"});  // where its files really are
  for (const char* source : {"copy", "dist", "a.h5", "linked"})
    BOOST_TEST(verify(files / "hf", files / source).differences.empty());
  convert(files / "dist/release", files / "distant");  // begins alike
}

BOOST_AUTO_TEST_SUITE_END()
