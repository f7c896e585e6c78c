// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/staging.hpp"

#include <filesystem>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

using namespace mhub;
using namespace mhub::tests;
namespace fs = std::filesystem;

namespace {

std::size_t entries(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

/// Commits a folder with the manifest, one file of this content and some others.
void publish(const std::string& target, const std::string& content, bool overwrite) {
  StagingOptions options;
  options.overwrite = overwrite;
  StagingDirectory staging(target, options);
  std::string files = R"("release/data": {})";
  for (const std::string name : {"config.json", "LICENSE", "tokenizer.json", "vocab.json"}) {
    write_file(staging.path() + "/" + name, name);
    files += ", \"" + name + "\": {}";
  }
  write_file(staging.path() + "/" + kManifestName, "{\"files\": {" + files + "}}");
  fs::create_directory(staging.path() + "/release");
  write_file(staging.path() + "/release/data", content);
  staging.commit();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(staging_directory)

BOOST_AUTO_TEST_CASE(appears_complete_under_its_name) {
  const TemporaryFolder folder;
  const std::string target = folder.file("new/parents/out");
  {
    StagingDirectory staging(target, {});
    write_file(staging.path() + "/data", std::string("x"));
    BOOST_TEST(!fs::exists(target));
    BOOST_TEST(fs::path(staging.path()).parent_path().string() == folder.file("new/parents"));
    staging.commit();
  }
  BOOST_TEST(read_file(target + "/data", 10) == "x");
  BOOST_TEST(entries(folder.file("new/parents")) == 1u);
}

BOOST_AUTO_TEST_CASE(leaves_nothing_when_it_is_not_committed) {
  const TemporaryFolder folder;
  {
    StagingDirectory staging(folder.file("out"), {});
    write_file(staging.path() + "/data", std::string("x"));
  }
  BOOST_TEST(entries(folder.path()) == 0u);
}

BOOST_AUTO_TEST_CASE(takes_names_with_slashes_and_dots) {
  const TemporaryFolder folder;
  publish(folder.file("a/"), "1", false);
  publish(folder.file("./x/../b//"), "2", false);
  BOOST_TEST(read_file(folder.file("a/release/data"), 10) == "1");
  BOOST_TEST(read_file(folder.file("b/release/data"), 10) == "2");
  BOOST_CHECK_THROW(StagingDirectory("", {}), UsageError);
}

BOOST_AUTO_TEST_CASE(replaces_only_when_asked) {
  const TemporaryFolder folder;
  publish(folder.file("out"), "old", false);
  BOOST_CHECK_EXCEPTION(publish(folder.file("out"), "new", false), UsageError, message_has("--overwrite"));
  BOOST_TEST(read_file(folder.file("out/release/data"), 10) == "old");
  publish(folder.file("out"), "new", true);
  BOOST_TEST(read_file(folder.file("out/release/data"), 10) == "new");
  BOOST_TEST(entries(folder.path()) == 1u);
}

BOOST_AUTO_TEST_CASE(never_removes_what_mhub_did_not_write) {
  const TemporaryFolder folder;
  fs::create_directory(folder.file("photos"));
  write_file(folder.file("photos/cat"), std::string("meow"));
  write_file(folder.file("letter"), std::string("dear"));
  fs::create_symlink(folder.file("nowhere"), folder.file("link"));
  for (const char* name : {"photos", "letter", "link"}) {
    BOOST_CHECK_EXCEPTION(publish(folder.file(name), "new", true), UsageError,
                          message_has(name, "not written by mhub"));
  }
  BOOST_TEST(read_file(folder.file("photos/cat"), 10) == "meow");
  BOOST_TEST(entries(folder.path()) == 3u);
}

BOOST_AUTO_TEST_CASE(does_not_replace_what_appeared_meanwhile) {
  const TemporaryFolder folder;
  {
    StagingDirectory staging(folder.file("out"), {});
    fs::create_directory(folder.file("out"));
    write_file(folder.file("out/letter"), std::string("dear"));
    BOOST_CHECK_THROW(staging.commit(), UsageError);
  }
  BOOST_TEST(entries(folder.path()) == 1u);
  BOOST_TEST(read_file(folder.file("out/letter"), 10) == "dear");
}

BOOST_AUTO_TEST_CASE(fills_an_empty_folder_that_the_caller_made) {
  const TemporaryFolder folder;
  fs::create_directory(folder.file("out"));
  publish(folder.file("out"), "new", false);
  BOOST_TEST(!fs::is_empty(folder.file("out")));
  BOOST_TEST(entries(folder.path()) == 1u);
}

BOOST_AUTO_TEST_CASE(names_a_parent_that_cannot_be_made) {
  const TemporaryFolder folder;
  write_file(folder.file("file"), std::string("x"));
  BOOST_CHECK_EXCEPTION(StagingDirectory(folder.file("file/out"), {}), IoError,
                        message_has(folder.file("file")));
}

BOOST_AUTO_TEST_CASE(a_kept_partial_folder_is_resumed_or_cleared) {
  const TemporaryFolder folder;
  StagingOptions again;
  again.resume = true;
  {
    StagingDirectory staging(folder.file("out"), {});
    write_file(staging.path() + "/data", std::string("half"));
    staging.keep();
  }
  BOOST_TEST(!fs::exists(folder.file("out")));
  {
    StagingDirectory staging(folder.file("out"), again);
    BOOST_TEST(staging.resumed());
    BOOST_TEST(read_file(staging.path() + "/data", 10) == "half");
    staging.keep();
  }
  {
    StagingDirectory staging(folder.file("out"), {});
    BOOST_TEST(!staging.resumed());
    BOOST_TEST(!fs::exists(staging.path() + "/data"));
    staging.keep();
    staging.discard();
  }
  BOOST_TEST(entries(folder.path()) == 0u);
  BOOST_TEST(!StagingDirectory(folder.file("out"), again).resumed());
}

BOOST_AUTO_TEST_CASE(one_process_at_a_time) {
  const TemporaryFolder folder;
  StagingDirectory first(folder.file("out"), {});
  write_file(first.path() + "/data", std::string("x"));
  BOOST_CHECK_EXCEPTION(StagingDirectory(folder.file("out"), {}), UsageError, message_has("another mhub"));
  BOOST_TEST(read_file(first.path() + "/data", 10) == "x");
}

BOOST_AUTO_TEST_CASE(a_partial_folder_of_somebody_else_is_left_alone) {
  const TemporaryFolder folder;
  fs::create_directory(folder.file(".out.mhub-partial"));
  write_file(folder.file(".out.mhub-partial/cat"), std::string("meow"));
  BOOST_CHECK_EXCEPTION(StagingDirectory(folder.file("out"), {}), UsageError, message_has("in the way"));
  BOOST_TEST(read_file(folder.file(".out.mhub-partial/cat"), 10) == "meow");
}

BOOST_AUTO_TEST_CASE(a_single_file_gets_the_final_name) {
  const TemporaryFolder folder;
  {
    StagingDirectory staging(folder.file("out.h5"), {});
    write_file(staging.path() + "/archive", std::string("x"));
    staging.commit_file("archive");
  }
  BOOST_TEST(read_file(folder.file("out.h5"), 10) == "x");
  BOOST_TEST(entries(folder.path()) == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
