// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/cache.hpp"

#include <filesystem>

#include <boost/test/unit_test.hpp>

#include "hub/cached_model.hpp"

using namespace mhub;
using tests::CachedModel;
using tests::kCommit;
using tests::put;
namespace fs = std::filesystem;

BOOST_AUTO_TEST_SUITE(hub_cache)

BOOST_AUTO_TEST_CASE(folders_have_huggingface_hubs_names) {
  BOOST_TEST(RepoCache("/c", "org/name").folder() == "/c/models--org--name");
  BOOST_TEST(RepoCache("/c", "gpt2").lock("e") == "/c/.locks/models--gpt2/e.lock");
  BOOST_TEST(repo_of_folder("/c/models--org--name").value() == "org/name");
  BOOST_TEST(repo_of_folder("models--gpt2").value() == "gpt2");
  for (const char* other : {"/c/datasets--a--b", "/c/gpt2", "/c/models--", "/c/models--a--b--c"})
    BOOST_TEST(!repo_of_folder(other).has_value(), other);
}

BOOST_AUTO_TEST_CASE(refs_say_which_commit_a_branch_is) {
  const CachedModel model;
  BOOST_TEST(!model.cache.commit_of("main").has_value());
  BOOST_TEST(model.cache.commit_of(kCommit).value() == kCommit);
  model.cache.set_ref("refs/pr/1", kCommit);
  BOOST_TEST(read_file((model.cache.folder() / "refs/refs/pr/1").string(), 100) == kCommit);
  BOOST_TEST(model.cache.commit_of("refs/pr/1").value() == kCommit);
  model.cache.set_ref(kCommit, kCommit);
  BOOST_TEST(!fs::exists(model.cache.folder() / "refs" / kCommit));
  put(model.cache.folder() / "refs/main", "../../x");
  BOOST_CHECK_EXCEPTION(model.cache.commit_of("main"), InputError,
                        tests::message_has("refs/main", "../../x"));
}

BOOST_AUTO_TEST_CASE(links_are_relative_and_may_be_made_again) {
  const CachedModel model;
  put(model.cache.blob("e1"), "one");
  model.cache.link(kCommit, "a/b.json", "e1");
  const fs::path pointer = model.cache.snapshot(kCommit) / "a/b.json";
  BOOST_TEST(fs::read_symlink(pointer) == "../../../blobs/e1");
  BOOST_TEST(read_file(pointer.string(), 10) == "one");
  put(model.cache.blob("e2"), "two");
  model.cache.link(kCommit, "a/b.json", "e2");
  BOOST_TEST(read_file(pointer.string(), 10) == "two");
  BOOST_TEST(std::distance(fs::directory_iterator(pointer.parent_path()), {}) == 1);
}

BOOST_AUTO_TEST_CASE(a_blob_may_be_a_link_into_the_shared_store) {
  const CachedModel model;
  put(fs::path(model.path()) / "blobs/ab/abcd", "shared");
  fs::create_directories(model.cache.folder() / "blobs");
  fs::create_symlink("../../blobs/ab/abcd", model.cache.blob("e"));
  model.cache.link(kCommit, "config.json", "e");
  BOOST_TEST(model.cache.has(kCommit, "config.json"));
  fs::remove(fs::path(model.path()) / "blobs/ab/abcd");
  BOOST_TEST(!model.cache.has(kCommit, "config.json"));
}

BOOST_AUTO_TEST_CASE(what_is_known_to_be_absent_is_noted) {
  const CachedModel model;
  BOOST_TEST(!model.cache.known_absent(kCommit, "x/y.json"));
  model.cache.set_absent(kCommit, "x/y.json");
  BOOST_TEST(model.cache.known_absent(kCommit, "x/y.json"));
  BOOST_TEST(fs::is_regular_file(model.cache.folder() / ".no_exist" / kCommit / "x/y.json"));
}

BOOST_AUTO_TEST_CASE(the_list_of_a_commits_files_is_read) {
  const CachedModel model;
  const auto tree = model.cache.folder() / "trees" / (kCommit + ".json");
  BOOST_TEST(!model.cache.listing(kCommit).has_value());
  put(tree, R"({"format_version": 1, "files": {"a.json": {"size": 5, "blob_id": "01"},
    "w.bin": {"size": 134, "blob_id": "02", "lfs_sha256": "03", "lfs_size": 99, "xet_hash": "04"}}})");
  const RepoFiles files = model.cache.listing(kCommit).value();
  const RepoFiles expected{{"a.json", 5, "01"}, {"w.bin", 99, "02", "03", "04"}};
  BOOST_TEST((files == expected));
  BOOST_TEST(files[0].etag() == "01");
  BOOST_TEST(files[1].etag() == "03");
  for (const char* other : {"{}", "not JSON", R"({"format_version": 2, "files": {}})",
                            R"({"format_version": 1, "files": {"../a": {"size": 5, "blob_id": "01"}}})"}) {
    put(tree, other);
    BOOST_TEST(!model.cache.listing(kCommit).has_value(), other);
  }
}

BOOST_AUTO_TEST_CASE(a_file_of_a_snapshot_has_the_name_of_its_content) {
  const tests::CachedModel model;
  model.add("config.json", "{}", "e1");
  BOOST_TEST(*etag_of_file(model.cache.snapshot(tests::kCommit) / "config.json") == "e1");
  for (const char* place : {"other.json", "no/such/file"})
    BOOST_TEST(!etag_of_file(model.cache.snapshot(tests::kCommit) / place));
  BOOST_TEST(!etag_of_file(model.cache.blob("e1")));
  std::filesystem::create_symlink(model.cache.blob("e1").string(), model.file("link"));
  BOOST_TEST(*etag_of_file(model.file("link")) == "e1");
}

BOOST_AUTO_TEST_SUITE_END()
