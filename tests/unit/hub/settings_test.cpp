// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/settings.hpp"

#include <map>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/file.hpp"

BOOST_AUTO_TEST_SUITE(hub_settings)

using namespace mhub;

namespace {

HubSettings read(std::map<std::string, std::string> variables) {
  variables.emplace("HOME", "/home/me");
  return HubSettings::from_environment([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_cache_is_where_huggingface_hub_has_it) {
  BOOST_TEST(read({}).cache == "/home/me/.cache/huggingface/hub");
  BOOST_TEST(read({{"XDG_CACHE_HOME", "/x"}}).cache == "/x/huggingface/hub");
  BOOST_TEST(read({{"XDG_CACHE_HOME", "/x"}, {"HF_HOME", "~/hf"}}).cache == "/home/me/hf/hub");
  BOOST_TEST(read({{"HF_HOME", "/h"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}).cache == "/old");
  BOOST_TEST(read({{"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HUB_CACHE", "/new"}}).cache == "/new");
  BOOST_TEST(read({{"HF_HUB_CACHE", "$ROOT/${NAME}/$NONE"}, {"ROOT", "/r"}, {"NAME", "n"}}).cache ==
             "/r/n/$NONE");
  BOOST_TEST(read({{"HF_HUB_CACHE", ""}}).cache == "/home/me/.cache/huggingface/hub");
}

BOOST_AUTO_TEST_CASE(the_endpoint_and_offline_are_read) {
  BOOST_TEST(read({}).endpoint == "https://huggingface.co");
  BOOST_TEST(read({{"HF_ENDPOINT", "https://mirror.example//"}}).endpoint == "https://mirror.example");
  BOOST_CHECK_EXCEPTION(read({{"HF_ENDPOINT", "mirror"}}), UsageError,
                        tests::message_has("HF_ENDPOINT", "\"mirror\""));
  BOOST_TEST(!read({}).offline);
  for (const char* yes : {"1", "true", "Yes", "ON"}) BOOST_TEST(read({{"HF_HUB_OFFLINE", yes}}).offline, yes);
  BOOST_TEST(read({{"TRANSFORMERS_OFFLINE", "1"}}).offline);
  // As `a or b` of Python: what is set, though to 0, decides.
  BOOST_TEST(!read({{"HF_HUB_OFFLINE", "0"}, {"TRANSFORMERS_OFFLINE", "1"}}).offline);
  BOOST_TEST(read({{"HF_HUB_DOWNLOAD_TIMEOUT", "30"}}).patience == 30);
  BOOST_CHECK_THROW(read({{"HF_HUB_DOWNLOAD_TIMEOUT", "soon"}}), UsageError);
}

BOOST_AUTO_TEST_CASE(the_token_is_found_and_never_shown) {
  const tests::TemporaryFolder folder;
  BOOST_TEST(!read({{"HF_HOME", folder.path()}}).token.has_value());
  replace_file(folder.file("token"), " hf_file\n");
  BOOST_TEST(read({{"HF_HOME", folder.path()}}).token.value() == "hf_file");
  replace_file(folder.file("other"), "hf_other");
  BOOST_TEST(read({{"HF_HOME", folder.path()}, {"HF_TOKEN_PATH", folder.file("other")}}).token.value() ==
             "hf_other");
  BOOST_TEST(read({{"HF_HOME", folder.path()}, {"HUGGING_FACE_HUB_TOKEN", "hf_old"}}).token.value() ==
             "hf_old");
  BOOST_TEST(read({{"HUGGING_FACE_HUB_TOKEN", "hf_old"}, {"HF_TOKEN", "hf_new"}}).token.value() == "hf_new");
  BOOST_TEST(!read({{"HF_TOKEN", "hf_new"}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}}).token.has_value());
  BOOST_CHECK_EXCEPTION(read({{"HF_TOKEN", "se cret"}}), UsageError, [](const UsageError& error) {
    return std::string(error.what()).find("HF_TOKEN") == 0 &&
           std::string(error.what()).find("cret") == std::string::npos;
  });
}

BOOST_AUTO_TEST_SUITE_END()
