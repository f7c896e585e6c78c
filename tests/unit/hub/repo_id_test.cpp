// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/repo_id.hpp"

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"

using namespace mhub;

BOOST_AUTO_TEST_SUITE(repo_id)

BOOST_AUTO_TEST_CASE(names_of_the_hub_are_taken_apart) {
  const auto is = [](const char* text, const char* name, const char* revision) {
    const std::optional<RepoId> id = parse_repo_id(text);
    BOOST_REQUIRE_MESSAGE(id.has_value(), text);
    BOOST_TEST(id->name == name);
    BOOST_TEST(id->revision == revision);
  };
  is("gpt2", "gpt2", "main");
  is("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B", "main");
  is("org/name@v1.0", "org/name", "v1.0");
  is("gpt2@refs/pr/3", "gpt2", "refs/pr/3");
  is("hf://org/name", "org/name", "main");
  is("hf://models/org/name@dev", "org/name", "dev");
  is("_a/b_", "_a/b_", "main");
  BOOST_TEST(RepoId({"a/b", "x"}).text() == "a/b@x");
  BOOST_TEST(RepoId({"a/b"}).text() == "a/b");
}

/// Those that huggingface_hub's validate_repo_id refuses, and paths.
BOOST_AUTO_TEST_CASE(what_is_no_name_is_told_apart) {
  const std::string longest(96, 'a');
  BOOST_TEST(repo_name_problem(longest + "/" + longest).empty());
  BOOST_TEST(!repo_name_problem(longest + "a").empty());
  for (const char* text :
       {"",     "/a/b", "./gpt2", "a/b/c",       "a/",   "/a",     "a b",  "-a",     "a-",  ".a",    "a.",
        "a--b", "a..b", "a.git",  "caf\xc3\xa9", "a/b@", "a@../b", "a@/b", "a@b//c", "~/x", "org/-a"})
    BOOST_CHECK_MESSAGE(!parse_repo_id(text), text);
}

BOOST_AUTO_TEST_CASE(a_wrong_hf_name_is_an_error_that_says_why) {
  BOOST_CHECK_EXCEPTION(parse_repo_id("hf://datasets/org/name"), UsageError,
                        tests::message_has("one of the Hub's datasets"));
  BOOST_CHECK_EXCEPTION(parse_repo_id("hf://a/b/c"), UsageError, tests::message_has("more than one '/'"));
  BOOST_CHECK_EXCEPTION(parse_repo_id("hf://"), UsageError, tests::message_has("org/name[@revision]"));
  BOOST_CHECK_EXCEPTION(require_repo_id("a--b"), UsageError, tests::message_has("\"--\" and \"..\""));
  BOOST_CHECK_EXCEPTION(require_repo_id("a@.."), UsageError, tests::message_has("behind '@'"));
}

BOOST_AUTO_TEST_CASE(paths_that_lead_out_are_found) {
  for (const char* inside : {"a", "a/b", "a.b/c..d", "..a"}) BOOST_TEST(stays_inside(inside), inside);
  for (const char* outside : {"", "/a", "a/", "..", "a/../b", "./a", "a//b", "a/."})
    BOOST_TEST(!stays_inside(outside), outside);
}

BOOST_AUTO_TEST_SUITE_END()
