// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/upload.hpp"

#include <filesystem>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "base/temporary_folder.hpp"
#include "hub/cached_model.hpp"
#include "hub/fake_http.hpp"

BOOST_AUTO_TEST_SUITE(uploads)

using namespace mhub;
using nlohmann::json;
using tests::FakeHttp;
using tests::kCommit;
using tests::message_has;
using tests::put;
namespace fs = std::filesystem;

namespace {

/// A folder, and a Hub with an empty repository that takes it.
struct World : tests::TemporaryFolder {
  World() : http(std::make_shared<FakeHttp>([this](const HttpRequest& request) { return answer(request); })) {
    settings.endpoint = "https://hub.example";
    settings.backoff = 0.001;
    settings.token = "hf_secret";
    settings.token_place = "HF_TOKEN";
    put(folder / "config.json", "{}");
    put(folder / "sub/model.bin", "weights");
  }
  Uploaded send(const UploadOptions& options = {}, const RepoId& id = {"org/name", "dev"}) {
    Hub hub(settings, http);
    return upload(hub, folder.string(), id, options);
  }
  FakeHttp::Answer answer(const HttpRequest& request) {
    if (change) {
      if (auto other = change(request)) return *other;
    }
    const std::string& url = request.url;
    if (url.ends_with("/preupload/dev")) {
      json files = json::array();
      const json question = json::parse(request.body);
      for (const json& file : question.at("files")) {
        const std::string name = file.at("path");
        files.push_back({{"path", name},
                         {"uploadMode", name.ends_with(".bin") ? "lfs" : "regular"},
                         {"oid", there[name]}});
      }
      return {200, {}, json{{"files", files}}.dump()};
    }
    if (url.ends_with("/objects/batch")) {
      json objects = json::array();
      const json question = json::parse(request.body);
      for (const json& one : question.at("objects"))
        objects.push_back({{"oid", one.at("oid")}, {"size", one.at("size")}, {"actions", actions}});
      return {200, {}, json{{"objects", objects}}.dump()};
    }
    if (url.ends_with("/commit/dev")) return {200, {}, json{{"commitOid", kCommit}}.dump()};
    if (url.ends_with("/revision/dev")) return {200, {}, json{{"sha", std::string(40, 'd')}}.dump()};
    return {200, {{"etag", "\"e\""}}, "{}"};
  }
  std::vector<std::string> asked(const std::string& end) const {
    std::vector<std::string> bodies;
    for (const HttpRequest& request : http->requests) {
      if (request.url.ends_with(end)) bodies.push_back(request.body);
    }
    return bodies;
  }

  const fs::path folder = fs::path(path()) / "folder";
  HubSettings settings;
  std::map<std::string, json> there;  ///< hashes by name
  json actions = {{"upload", {{"href", "https://cdn.example/put"}}},
                  {"verify", {{"href", "https://hub.example/verify"}}}};
  std::function<std::optional<FakeHttp::Answer>(const HttpRequest&)> change;
  std::shared_ptr<FakeHttp> http;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_folder_is_one_commit) {
  World world;
  const Uploaded done = world.send({.create = true, .is_private = true, .message = "as trained"});
  BOOST_TEST(done.commit == kCommit);
  BOOST_TEST(done.files == 2u);
  BOOST_TEST(done.uploaded_bytes == 7u);
  const std::vector<HttpRequest>& requests = world.http->requests;
  std::vector<std::string> urls;
  for (const HttpRequest& request : requests) urls.push_back(request.method + " " + request.url);
  const std::vector<std::string> expected{"POST https://hub.example/api/repos/create",
                                          "POST https://hub.example/api/models/org/name/branch/dev",
                                          "POST https://hub.example/api/models/org/name/preupload/dev",
                                          "POST https://hub.example/org/name.git/info/lfs/objects/batch",
                                          "PUT https://cdn.example/put",
                                          "POST https://hub.example/verify",
                                          "POST https://hub.example/api/models/org/name/commit/dev"};
  BOOST_TEST(urls == expected, boost::test_tools::per_element());
  BOOST_TEST(json::parse(requests[0].body) ==
             json({{"name", "name"}, {"organization", "org"}, {"type", "model"}, {"visibility", "private"}}));
  BOOST_TEST(requests[4].body == "weights");
  for (const HttpRequest& request : requests)
    BOOST_TEST(FakeHttp::header(request, "Authorization").empty() == request.url.starts_with("https://cdn"));
  std::istringstream lines(requests[6].body);
  std::string line;
  std::getline(lines, line);
  BOOST_TEST(json::parse(line) ==
             json({{"key", "header"}, {"value", {{"summary", "as trained"}, {"description", ""}}}}));
  std::getline(lines, line);
  BOOST_TEST(json::parse(line) ==
             json({{"key", "file"},
                   {"value", {{"path", "config.json"}, {"content", "e30="}, {"encoding", "base64"}}}}));
  std::getline(lines, line);
  // sha256sum's of "weights"
  BOOST_TEST(json::parse(line) ==
             json({{"key", "lfsFile"},
                   {"value",
                    {{"path", "sub/model.bin"},
                     {"algo", "sha256"},
                     {"oid", "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"},
                     {"size", 7}}}}));
}

BOOST_AUTO_TEST_CASE(what_is_there_is_not_sent) {
  World world;
  // git hash-object
  world.there["config.json"] = "9e26dfeeb6e641a33dae4961196235bdb965b21b";
  world.actions = nullptr;
  world.change = [](const HttpRequest& request) -> std::optional<FakeHttp::Answer> {
    if (!request.url.ends_with("/objects/batch")) return std::nullopt;
    json objects = json::parse(request.body).at("objects");
    return FakeHttp::Answer{200, {}, json{{"objects", objects}}.dump()};
  };
  const Uploaded done = world.send();
  BOOST_TEST(done.changed == 1u);
  BOOST_TEST(done.uploaded_bytes == 0u);
  BOOST_TEST(world.asked("/commit/dev").at(0).find("config.json") == std::string::npos);
  // A folder that is there as a whole makes no commit.
  fs::remove_all(world.folder / "sub");
  world.http->requests.clear();
  BOOST_TEST(world.send().commit == std::string(40, 'd'));
  BOOST_TEST(world.asked("/commit/dev").empty());
}

BOOST_AUTO_TEST_CASE(large_files_go_up_in_parts) {
  World world;
  world.actions["upload"] = {
      {"href", "https://hub.example/complete?id=1"},
      {"header", {{"chunk_size", "3"}, {"1", "https://cdn.example/1"}, {"2", "https://cdn.example/2"}}}};
  BOOST_CHECK_EXCEPTION(world.send(), InputError, message_has("expected 3"));
  world.actions["upload"]["header"]["10"] = "https://cdn.example/3";
  int refused = 1;
  world.change = [&](const HttpRequest& request) -> std::optional<FakeHttp::Answer> {
    if (request.url == "https://cdn.example/2" && refused-- > 0) return FakeHttp::Answer{500};
    return std::nullopt;
  };
  world.http->requests.clear();
  world.send({.connections = 1});
  BOOST_TEST(world.asked("example/1").at(0) == "wei");
  BOOST_TEST(world.asked("example/2").size() == 2u);
  BOOST_TEST(world.asked("example/2").at(1) == "ght");
  BOOST_TEST(world.asked("example/3").at(0) == "s");
  const json complete = json::parse(world.asked("complete?id=1").at(0));
  BOOST_TEST(complete.at("parts").size() == 3u);
  BOOST_TEST(complete.at("parts")[1] == json({{"partNumber", 2}, {"etag", "\"e\""}}));
  world.actions["upload"] = {{"href", "https://cdn.example/put"}, {"header", {{"x-evil", "a\r\nHost: b"}}}};
  BOOST_CHECK_EXCEPTION(world.send(), InputError, message_has("header"));
}

BOOST_AUTO_TEST_CASE(a_commit_whose_answer_is_lost_is_not_made_twice) {
  World world;
  world.change = [&](const HttpRequest& request) -> std::optional<FakeHttp::Answer> {
    if (!request.url.ends_with("/commit/dev")) return std::nullopt;
    std::istringstream lines(request.body);
    for (std::string line; std::getline(lines, line);) {
      const json said = json::parse(line);
      if (said.at("key") == "lfsFile") world.there[said["value"]["path"]] = said["value"]["oid"];
      if (said.at("key") == "file")
        world.there[said["value"]["path"]] = "9e26dfeeb6e641a33dae4961196235bdb965b21b";
    }
    return FakeHttp::Answer{200, {}, "", true};
  };
  BOOST_TEST(world.send().commit == std::string(40, 'd'));
  BOOST_TEST(world.asked("/commit/dev").size() == 1u);
}

BOOST_AUTO_TEST_CASE(old_weights_do_not_stay_beside_new_ones) {
  World world;
  const std::string shard = "model-00001-of-00002.safetensors";
  put(world.folder / shard, "1");
  put(world.folder / "release/mp_rank_00/model_optim_rng.pt", "2");
  std::vector<std::string> branch{"model.safetensors",
                                  shard,
                                  "adapter_model.safetensors",
                                  "README.md",
                                  "iter_0000001/mp_rank_00/model_optim_rng.pt",
                                  "release/mp_rank_01/x.pt"};
  world.change = [&](const HttpRequest& request) -> std::optional<FakeHttp::Answer> {
    if (request.url.find("/tree/") == std::string::npos) return std::nullopt;
    json files = json::array();
    for (const std::string& name : branch)
      files.push_back({{"type", "file"}, {"path", name}, {"size", 1}, {"oid", std::string(40, 'a')}});
    return FakeHttp::Answer{200, {}, files.dump()};
  };
  world.send();
  BOOST_TEST(world.asked("/commit/dev").at(0).find("deletedFile") == std::string::npos);
  world.http->requests.clear();
  UploadOptions options;
  options.own = {"model.safetensors", "config.json"};
  BOOST_CHECK_EXCEPTION(
      world.send(options), InputError,
      message_has("take them: release/mp_rank_01/x.pt; delete them there", "org/name@dev has weights"));
  BOOST_TEST(world.asked("/objects/batch").empty());
  options.own->insert("release/mp_rank_01/x.pt");
  const std::vector<std::string> expected{"model.safetensors", "release/mp_rank_01/x.pt"};
  BOOST_TEST(world.send(options).deleted == expected, boost::test_tools::per_element());
  const std::string body = world.asked("/commit/dev").at(0);
  std::vector<std::string> deleted;
  std::istringstream lines(body);
  for (std::string line; std::getline(lines, line);) {
    const json said = json::parse(line);
    if (said.at("key") == "deletedFile") deleted.push_back(said["value"]["path"]);
  }
  BOOST_TEST(deleted == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(addresses_that_expire_are_asked_for_once_more) {
  World world;
  int refused = 1;
  world.change = [&](const HttpRequest& request) -> std::optional<FakeHttp::Answer> {
    if (request.method == "PUT" && refused-- > 0) return FakeHttp::Answer{403};
    return std::nullopt;
  };
  world.send();
  BOOST_TEST(world.asked("/objects/batch").size() == 2u);
  refused = 2;
  BOOST_CHECK_EXCEPTION(world.send(), HubRefusal, [](const HubRefusal& error) {
    const std::string text = error.what();
    return text.find("cdn.example") != std::string::npos && text.find("HF_TOKEN") == std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(questions_are_redirected_only_where_the_method_stays) {
  World world;
  int status = 307;
  world.change = [&](const HttpRequest& request) -> std::optional<FakeHttp::Answer> {
    if (!request.url.ends_with("/commit/dev") || request.url.find("renamed") != std::string::npos)
      return std::nullopt;
    return FakeHttp::Answer{status, {{"location", "/api/models/org/renamed/commit/dev"}}};
  };
  BOOST_TEST(world.send().commit == kCommit);
  BOOST_TEST(world.asked("renamed/commit/dev").at(0) == world.asked("name/commit/dev").at(0));
  status = 302;
  BOOST_CHECK_EXCEPTION(world.send(), HubRefusal, message_has("302"));
}

BOOST_AUTO_TEST_CASE(folders_are_uploaded_whole_or_not_at_all) {
  World world;
  put(world.folder / ".git/config", "x");
  put(world.folder / "sub/.cache/huggingface/notes", "x");
  BOOST_TEST(world.send().files == 2u);
  fs::create_directory_symlink("sub", world.folder / "linked");
  BOOST_CHECK_EXCEPTION(world.send(), InputError, message_has("a link to a folder"));
  fs::remove(world.folder / "linked");
  put(world.folder / ".cache/x", "x");
  BOOST_CHECK_EXCEPTION(world.send(), InputError, message_has(".cache"));
  fs::remove_all(world.folder / ".cache");
  put(world.folder / "\xff", "x");
  BOOST_CHECK_EXCEPTION(world.send(), InputError, message_has("UTF-8"));
  fs::remove_all(world.folder);
  BOOST_CHECK_EXCEPTION(world.send(), IoError, message_has("no such folder"));
}

BOOST_AUTO_TEST_CASE(a_file_that_changes_on_the_way_is_an_error) {
  World world;
  world.change = [&](const HttpRequest& request) -> std::optional<FakeHttp::Answer> {
    if (request.method == "PUT") put(world.folder / "config.json", "{\"a\": 1}");
    return std::nullopt;
  };
  BOOST_CHECK_EXCEPTION(world.send(), IoError, message_has("was changed"));
  BOOST_TEST(world.asked("/commit/dev").empty());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_said_before_anything_is_sent) {
  World world;
  BOOST_CHECK_EXCEPTION(world.send({}, {"gpt2"}), UsageError, message_has("org/name"));
  BOOST_CHECK_EXCEPTION(world.send({.is_private = true}), UsageError, message_has("--create"));
  BOOST_CHECK_EXCEPTION(world.send({.message = ""}), UsageError, message_has("--message"));
  world.settings.token.reset();
  BOOST_CHECK_EXCEPTION(world.send(), UsageError, message_has("HF_TOKEN"));
  BOOST_TEST(world.http->requests.empty());
}

BOOST_AUTO_TEST_SUITE_END()
