// SPDX-License-Identifier: Apache-2.0
// Models that are read while they come. The same program is built with ThreadSanitizer (tests/run.sh).
#include <atomic>
#include <thread>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "hub/cached_model.hpp"
#include "hub/fake_http.hpp"
#include "hub/listed_file.hpp"
#include "mhub/base/error.hpp"
#include "mhub/hub/arriving_model.hpp"

BOOST_AUTO_TEST_SUITE(arriving)

using namespace mhub;
using tests::FakeHttp;
using tests::kCommit;

namespace {

/// "a.safetensors" and "b.safetensors", with an index, and what lies beside them.
struct Sender : tests::CachedModel {
  Sender() {
    settings.endpoint = "https://hub.example";
    settings.backoff = 0.001;
    settings.cache = path();
    files["config.json"] = "{}";
    // A header of safetensors in front, of which only the length counts here.
    for (const char* name : {"a", "b"})
      files[std::string(name) + ".safetensors"] =
          std::string("\x08\0\0\0\0\0\0\0{\"x\":1} ", 16) + name + tests::noise();
    files["model.safetensors.index.json"] =
        R"({"weight_map": {"one": "a.safetensors", "two": "b.safetensors"}})";
  }
  RepoFile file(const std::string& name) const {
    return tests::listed(name, files.at(name), name.ends_with(".safetensors"));
  }
  FakeHttp::Answer answer(const HttpRequest& request) {
    const std::string& url = request.url;
    if (url.find("/tree/") != std::string::npos) return {200, {}, listing()};
    if (url.find("/api/") != std::string::npos) return {200, {}, R"({"sha": ")" + kCommit + R"("})"};
    const std::string name = url.substr(url.rfind('/') + 1);
    if (url.starts_with("https://hub.example") && name.ends_with(".safetensors"))
      return {302, {{"location", "https://cdn.example/" + name}}};
    FakeHttp::Answer answer = tests::ranged(request, files.at(name));
    if (change) change(name, request, answer);
    return answer;
  }
  std::string listing() const {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& [name, content] : files) {
      const RepoFile one = file(name);
      nlohmann::json entry{{"type", "file"}, {"path", name}, {"oid", one.sha1}, {"size", one.size}};
      if (!one.sha256.empty()) entry["lfs"] = {{"oid", one.sha256}, {"size", one.size}};
      list.push_back(entry);
    }
    return list.dump();
  }
  std::shared_ptr<ArrivingModel> model(const Callbacks& callbacks = {}) {
    const auto http =
        std::make_shared<FakeHttp>([this](const HttpRequest& request) { return answer(request); });
    return std::make_shared<ArrivingModel>(std::make_shared<Hub>(settings, http), *parse_repo_id("org/name"),
                                           callbacks);
  }
  void check_read(const ByteSource& bytes, const std::string& name, std::size_t offset,
                  std::size_t count) const {
    std::string out(count, '\0');
    bytes.read(offset, std::as_writable_bytes(std::span(out)));
    BOOST_REQUIRE((out == files.at(name).substr(offset, count)));
  }
  std::string cached(const std::string& name) const {
    return read_file((cache.snapshot(kCommit) / name).string(), 1 << 30);
  }

  HubSettings settings;
  std::map<std::string, std::string> files;
  std::function<void(const std::string&, const HttpRequest&, FakeHttp::Answer&)> change;
};

/// A byte of a file's second chunk is wrong, so many times.
auto flipping(int times) {
  return [times](const std::string& name, const HttpRequest& request, FakeHttp::Answer& answer) mutable {
    if (name != "b.safetensors" || !FakeHttp::header(request, "Range").starts_with("bytes=8388608-")) return;
    if (times-- > 0) answer.body[77] ^= 1;
  };
}

/// A byte of a header is wrong, once. Its own request is short.
auto flipping_header() {
  return [times = std::make_shared<std::atomic<int>>(1)](const std::string& name, const HttpRequest& request,
                                                         FakeHttp::Answer& answer) {
    if (name == "a.safetensors" && FakeHttp::header(request, "Range") == "bytes=0-32767" && (*times)-- > 0)
      answer.body[10] ^= 1;
  };
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_is_read_while_it_comes) {
  Sender sender;
  const auto model = sender.model();
  BOOST_REQUIRE(model->readable());
  BOOST_TEST(model->path() == sender.cache.snapshot(kCommit).string());
  BOOST_TEST(sender.cached("config.json") == "{}");
  const std::string index = "model.safetensors.index.json";
  BOOST_TEST((model->has("a.safetensors") && model->has(index) && !model->has("model.safetensors")));
  sender.check_read(*model->bytes(index), index, 0, sender.files.at(index).size());
  model->fetch_headers();
  const std::string name = "a.safetensors";
  sender.check_read(*model->bytes("b.safetensors"), "b.safetensors", 0, 16);
  model->begin_reading();
  std::vector<std::jthread> threads;
  std::atomic<int> wrong = 0;
  for (std::size_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      const std::string file = t == 1 ? "b.safetensors" : name;
      const auto bytes = model->bytes(file);
      std::string out(1'000'000, '\0');
      for (std::size_t at = t * 1000; at + out.size() < bytes->size(); at += 3'000'000) {
        bytes->read(at, std::as_writable_bytes(std::span(out)));
        wrong += out == sender.files.at(file).substr(at, out.size()) ? 0 : 1;
      }
    });
  }
  threads.clear();
  BOOST_TEST(wrong == 0);
  model->wait();
  BOOST_TEST(model->left() == 0U);
  for (const auto& [file, content] : sender.files) BOOST_TEST((sender.cached(file) == content));
  BOOST_TEST(*sender.cache.commit_of("main") == kCommit);
  sender.check_read(*model->bytes(name), name, 12'345'678, 1000);
}

BOOST_AUTO_TEST_CASE(wrong_bytes_that_were_read_show) {
  Sender sender;
  sender.change = flipping(1);
  const auto model = sender.model();
  model->begin_reading();
  const auto right = model->bytes("a.safetensors"), wrong = model->bytes("b.safetensors");
  const std::string before_right = right->fingerprint(), before = wrong->fingerprint();
  std::string out(static_cast<std::size_t>(wrong->size()), '\0');
  wrong->read(0, std::as_writable_bytes(std::span(out)));  // these, or those that come again
  model->wait();
  BOOST_TEST(wrong->fingerprint() != before);
  BOOST_TEST(right->fingerprint() == before_right);
  sender.check_read(*wrong, "b.safetensors", 0, static_cast<std::size_t>(wrong->size()));
  BOOST_TEST((sender.cached("b.safetensors") == sender.files.at("b.safetensors")));
}

BOOST_AUTO_TEST_CASE(what_stays_wrong_is_an_error_for_all) {
  Sender sender;
  sender.change = flipping(99);
  const auto model = sender.model();
  model->begin_reading();
  BOOST_CHECK_EXCEPTION(model->wait(), IoError, tests::message_has("twice the same"));
  std::string out(1000, '\0');
  const auto bytes = model->bytes("b.safetensors");
  BOOST_CHECK_EXCEPTION(bytes->read(20'000'000, std::as_writable_bytes(std::span(out))), IoError,
                        tests::message_has("twice the same"));
  BOOST_TEST(!std::filesystem::exists(sender.cache.blob(sender.file("b.safetensors").etag())));
}

BOOST_AUTO_TEST_CASE(a_header_that_was_damaged_on_its_way_is_found) {
  Sender sender;
  sender.change = flipping_header();
  const auto model = sender.model();
  model->fetch_headers();
  model->begin_reading();
  BOOST_CHECK_EXCEPTION(model->wait(), IoError, tests::message_has("two versions"));
}

BOOST_AUTO_TEST_CASE(headers_can_be_asked_for_once_more) {
  Sender sender;
  sender.change = flipping_header();
  const auto model = sender.model();
  model->fetch_headers();
  BOOST_TEST(model->renew_headers());
  BOOST_TEST(!model->renew_headers());
  model->begin_reading();
  model->wait();
}

BOOST_AUTO_TEST_CASE(a_hash_is_that_of_what_will_have_come) {
  Sender sender;
  sender.change = flipping(1);
  const auto model = sender.model();
  const std::string path = model->place("b.safetensors");
  const std::optional<std::string> before = model->etag_of(path);
  BOOST_TEST(before.value() == sender.file("b.safetensors").etag());
  model->begin_reading();
  model->wait();
  BOOST_TEST(model->etag_of(path).value() == before.value());
  BOOST_TEST(!model->etag_of(model->place("config.json")));
}

BOOST_AUTO_TEST_CASE(who_goes_away_ends_it) {
  Sender sender;
  std::atomic<bool> stop = false;
  sender.change = [&](const std::string& name, const HttpRequest&, FakeHttp::Answer&) {
    if (name == "b.safetensors") stop = true;
  };
  {
    // Cancelled while the second file comes, of which nobody gets the end.
    const auto model = sender.model({.cancelled = [&] { return stop.load(); }});
    model->begin_reading();
    std::string out(1000, '\0');
    const auto bytes = model->bytes("b.safetensors");
    BOOST_CHECK_THROW(bytes->read(20'000'000, std::as_writable_bytes(std::span(out))), Interrupted);
    BOOST_CHECK_THROW(model->wait(), Interrupted);
  }
  sender.change = {};
  sender.model();  // and nobody waits for it
  BOOST_TEST(!std::filesystem::exists(sender.cache.blob(sender.file("b.safetensors").etag())));
  sender.model()->wait();
  BOOST_TEST((sender.cached("b.safetensors") == sender.files.at("b.safetensors")));
}

BOOST_AUTO_TEST_CASE(what_is_no_plain_model_has_to_be_waited_for) {
  Sender sender;
  sender.files["adapter_config.json"] = "{}";
  const auto model = sender.model();
  BOOST_TEST(!model->readable());
  model->wait();
  BOOST_TEST((sender.cached("a.safetensors") == sender.files.at("a.safetensors")));
}

BOOST_AUTO_TEST_SUITE_END()
