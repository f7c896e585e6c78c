// SPDX-License-Identifier: Apache-2.0
#include "converters/batch/run_state.hpp"

#include <atomic>
#include <filesystem>
#include <thread>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "converters/batch/identity.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

BOOST_AUTO_TEST_SUITE(run_state)

using namespace mhub;
using namespace mhub::tests;
using namespace mhub::converters;
using Work = Standing::Work;

namespace {

/// An entry whose output may be there.
struct Place {
  TemporaryFolder folder;
  RecipeEntry entry;

  Place() {
    entry.name = "e";
    entry.request.source = folder.file("source");
    entry.request.output = folder.file("out");
    entry.request.run.verify = true;
    entry.settings["tp"] = "2";
  }
  void write_output(const std::string& text = "x") const {
    std::filesystem::create_directories(entry.request.output);
    replace_file(entry.request.output + "/config.json", text);
  }
  /// The state after a run that ended well.
  RunState ended() const {
    RunState state;
    state.settings = settings_text(entry);
    state.source = "s1";
    state.output = identity_of(entry.request.output);
    state.verified = true;
    return state;
  }
};

/// Later than all that was written so far.
void tick() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }

}  // namespace

BOOST_AUTO_TEST_CASE(an_identity_follows_the_files) {
  const TemporaryFolder folder;
  BOOST_TEST(identity_of(folder.file("none")).empty());
  BOOST_TEST(identity_of(folder.path()).empty());
  write_file(folder.file("a"), "1");
  const std::string first = identity_of(folder.path());
  BOOST_TEST(first == identity_of(folder.path()));
  tick();
  replace_file(folder.file("a"), "2");
  const std::string second = identity_of(folder.path());
  BOOST_TEST(first != second);
  write_file(folder.file("b"), "");
  BOOST_TEST(second != identity_of(folder.path()));
  BOOST_TEST(!identity_of(folder.file("a")).empty());
}

BOOST_AUTO_TEST_CASE(a_manifest_says_what_files_are) {
  const TemporaryFolder folder;
  const auto write = [&] {
    replace_file(folder.file("a"), "1");
    tick();
    replace_file(folder.file("mhub_manifest.json"), "{\"xxh\": 1}");
  };
  write();
  const std::string first = identity_of(folder.path());
  tick();
  write();  // the same bytes anew
  BOOST_TEST(first == identity_of(folder.path()));
  tick();
  replace_file(folder.file("a"), "2");  // behind the manifest's back
  BOOST_TEST(first != identity_of(folder.path()));
}

BOOST_AUTO_TEST_CASE(a_state_is_kept) {
  const Place place;
  std::filesystem::create_directories(state_folder(place.entry));
  RunState state = place.ended();
  state.steps["upload"] = {{"settings", "a"}, {"output", "b"}, {"result", nullptr}};
  state.report = {{"bytes", 3}};
  state.save(place.entry);
  const RunState back = RunState::load(place.entry);
  BOOST_TEST(back.settings == state.settings);
  BOOST_TEST(back.verified);
  BOOST_TEST((back.steps == state.steps && back.report == state.report));
  replace_file(state_folder(place.entry) + "/state.json", "{\"version\": 1");
  BOOST_TEST(RunState::load(place.entry).settings.empty());
}

BOOST_AUTO_TEST_CASE(what_is_there_is_left_alone) {
  Place place;
  place.write_output();
  const RunState state = place.ended();
  BOOST_TEST((standing_of(place.entry, state, "s1").work == Work::none));
  BOOST_TEST((standing_of(place.entry, state, "").work == Work::none));  // nobody can say
  RunState unverified = state;
  unverified.verified = false;
  BOOST_TEST((standing_of(place.entry, unverified, "s1").work == Work::verify));
  place.entry.request.run.verify = false;
  BOOST_TEST((standing_of(place.entry, unverified, "s1").work == Work::none));
}

BOOST_AUTO_TEST_CASE(what_has_changed_is_done_again) {
  Place place;
  place.write_output();
  const RunState state = place.ended();
  const Standing source = standing_of(place.entry, state, "s2");
  BOOST_TEST((source.work == Work::convert && source.overwrite && !source.resume));
  BOOST_TEST(source.why == "the source has changed");
  place.entry.settings["tp"] = "4";
  const Standing recipe = standing_of(place.entry, state, "s1");
  BOOST_TEST((recipe.work == Work::convert && recipe.overwrite));
  BOOST_TEST(recipe.why == "the recipe has changed");
  place.entry.settings["tp"] = "2";
  tick();
  place.write_output("trained");
  const Standing output = standing_of(place.entry, state, "s1");
  // convert() will find out that it is not mhub's any more.
  BOOST_TEST((output.work == Work::convert && output.overwrite));
}

BOOST_AUTO_TEST_CASE(a_source_may_be_spelled_otherwise) {
  Place place;
  place.write_output();
  std::filesystem::create_directories(place.entry.request.source);
  const RunState state = place.ended();
  place.entry.request.source += "/../source/.";
  BOOST_TEST((standing_of(place.entry, state, "s1").work == Work::none));
  std::filesystem::create_directories(place.folder.file("other"));
  place.entry.request.source = place.folder.file("other");
  BOOST_TEST((standing_of(place.entry, state, "s1").work == Work::convert));
}

BOOST_AUTO_TEST_CASE(what_is_not_ours_is_not_overwritten) {
  Place place;
  place.write_output();
  BOOST_TEST(!standing_of(place.entry, {}, "s1").overwrite);
  place.entry.request.run.overwrite = true;
  BOOST_TEST(standing_of(place.entry, {}, "s1").overwrite);
}

BOOST_AUTO_TEST_CASE(what_was_interrupted_is_gone_on_with) {
  const Place place;
  RunState state = place.ended();
  state.converting = true;
  state.output.clear();
  state.replaces.clear();
  std::filesystem::create_directories(place.folder.file(".out.mhub-partial"));
  const Standing again = standing_of(place.entry, state, "s1");
  BOOST_TEST((again.work == Work::convert && again.resume && again.why == "was interrupted"));
  // Of another source nothing is of use.
  BOOST_TEST(!standing_of(place.entry, state, "s2").resume);
  // The output got its name, and the run was killed before it could say so.
  place.write_output();
  BOOST_TEST((standing_of(place.entry, state, "s1").work == Work::verify));
  // It is the old one that was to be replaced.
  state.replaces = identity_of(place.entry.request.output);
  BOOST_TEST((standing_of(place.entry, state, "s1").work == Work::convert));
}

BOOST_AUTO_TEST_CASE(steps_belong_to_an_output) {
  Place place;
  place.write_output();
  RunState state = place.ended();
  place.entry.step_settings["upload"] = "repo=org/x\n";
  BOOST_TEST(!step_is_done(place.entry, state, "upload"));
  state.steps["upload"] = {{"settings", "repo=org/x\n"}, {"output", state.output}, {"result", nullptr}};
  BOOST_TEST(step_is_done(place.entry, state, "upload"));
  state.output = "another";
  BOOST_TEST(!step_is_done(place.entry, state, "upload"));
}

BOOST_AUTO_TEST_CASE(the_files_of_an_upload_are_known) {
  Place place;
  place.write_output();
  std::filesystem::create_directories(state_folder(place.entry));
  place.entry.steps.upload = UploadStep{"org/x"};
  RunState state = place.ended();
  BOOST_TEST(note_upload(place.entry, state).empty());
  std::filesystem::remove(place.entry.request.output + "/config.json");
  replace_file(place.entry.request.output + "/model.safetensors", "");
  RunState back = RunState::load(place.entry);
  BOOST_TEST((note_upload(place.entry, back) == std::set<std::string>{"config.json"}));
  BOOST_TEST((note_upload(place.entry, back) == std::set<std::string>{"config.json", "model.safetensors"}));
  place.entry.steps.upload->revision = "dev";
  BOOST_TEST(note_upload(place.entry, back).empty());
}

BOOST_AUTO_TEST_CASE(an_output_has_one_worker) {
  const Place place;
  auto first = std::make_unique<OutputLock>(
      place.entry, [](const std::string&) {}, [] { return false; });
  std::atomic<bool> waits = false, in = false;
  std::string holder;
  std::thread second([&] {
    const OutputLock lock(
        place.entry,
        [&](const std::string& who) {
          holder = who;
          waits = true;
        },
        [] { return false; });
    in = true;
  });
  while (!waits) std::this_thread::yield();
  BOOST_TEST(!in);
  BOOST_TEST(holder.starts_with("process " + std::to_string(::getpid()) + " on "), holder);
  BOOST_CHECK_THROW(OutputLock(
                        place.entry, [](const std::string&) {}, [] { return true; }),
                    Interrupted);
  first.reset();
  second.join();
  BOOST_TEST(in);
}

BOOST_AUTO_TEST_SUITE_END()
