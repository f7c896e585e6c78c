// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/source.hpp"

#include <cstdlib>
#include <filesystem>

#include <boost/test/unit_test.hpp>

#include "hub/cached_model.hpp"

BOOST_AUTO_TEST_SUITE(source)

using namespace mhub;
using tests::kCommit;
using tests::message_has;
namespace fs = std::filesystem;

namespace {

/// The environment of a person without a network.
struct Offline : tests::CachedModel {
  Offline() {
    ::setenv("HF_HUB_CACHE", path().c_str(), 1);
    ::setenv("HF_HUB_OFFLINE", "1", 1);
  }
  ~Offline() { ::unsetenv("HF_HUB_CACHE"); }
  void add_model() const {
    add("config.json", "{}", "e1");
    add("model.safetensors", "x", "e2");
    add("tokenizer.json", "{}", "e3");
    set_main();
  }
  std::string snapshot() const { return cache.snapshot(kCommit).string(); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_complete_snapshot_needs_no_network) {
  const Offline model;
  model.add_model();
  const std::vector<std::string> names{"org/name", "hf://org/name", "org/name@main", "org/name@" + kCommit};
  for (const std::string& name : names) {
    const Source found = resolve_source(name);
    BOOST_TEST(found.path == model.snapshot(), name);
    BOOST_TEST(found.notes.empty());
  }
  BOOST_TEST(resolve_source(model.cache.folder().string()).path == model.snapshot());
}

BOOST_AUTO_TEST_CASE(what_exists_here_wins) {
  const Offline model;
  model.add_model();
  const fs::path before = fs::current_path();
  fs::create_directories(model.file("here/org/name"));
  fs::current_path(model.file("here"));
  BOOST_TEST(resolve_source("org/name").path == "org/name");
  BOOST_TEST(resolve_source("hf://org/name").path == model.snapshot());
  fs::current_path(before);
}

BOOST_AUTO_TEST_CASE(a_snapshot_without_a_tokenizer_is_taken_with_a_note) {
  const Offline model;
  model.add("config.json", "{}", "e1");
  model.add("model.safetensors", "x", "e2");
  model.set_main();
  const Source found = resolve_source("org/name");
  BOOST_TEST(found.path == model.snapshot());
  BOOST_REQUIRE(found.notes.size() == 1);
  BOOST_TEST(found.notes[0].find("without a tokenizer: HF_HUB_OFFLINE is set") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_megatron_checkpoint_is_taken_from_the_cache) {
  for (const std::string folder : {"release", "iter_0000100"}) {
    const Offline model;
    const std::string named = folder == "release" ? folder : "100";
    model.add("latest_checkpointed_iteration.txt", named + "\n", "e1");
    model.set_main();
    BOOST_CHECK_EXCEPTION(resolve_source("org/name"), IoError, message_has("not whole"));
    model.add(folder + "/common.pt", "x", "e2");
    for (const SourceUse use :
         {SourceUse::model, SourceUse::files, SourceUse::headers, SourceUse::arriving}) {
      const Source found = resolve_source("org/name", use);
      BOOST_TEST(found.path == model.snapshot());
      BOOST_TEST(found.notes.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(an_empty_ref_is_none) {
  const Offline model;
  model.add_model();
  tests::put(model.cache.folder() / "refs/main", "");
  BOOST_CHECK_EXCEPTION(resolve_source("org/name"), IoError, message_has("not in the cache"));
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_an_error_that_says_where_it_was_looked_for) {
  const Offline model;
  BOOST_CHECK_EXCEPTION(resolve_source("org/name"), IoError,
                        message_has("org/name: no such file or folder", "not in the cache " + model.path()));
  BOOST_CHECK_EXCEPTION(resolve_source("/no/such/folder"), IoError, message_has("no such file or folder"));
  model.add("config.json", "{}", "e1");
  model.set_main();
  BOOST_CHECK_EXCEPTION(resolve_source("org/name"), IoError,
                        message_has("not whole", "model.safetensors is missing"));
  BOOST_TEST(!resolve_source("org/name", SourceUse::files).path.empty());
  BOOST_CHECK_EXCEPTION(resolve_source("org/name@other"), IoError,
                        message_has("org/name@other", "not in the cache"));
}

BOOST_AUTO_TEST_SUITE_END()
