// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/hub.hpp"

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "hub/fake_http.hpp"
#include "mhub/hub/url.hpp"

BOOST_AUTO_TEST_SUITE(hub)

using namespace mhub;
using tests::FakeHttp;
using tests::message_has;

namespace {

const std::string kCommit(40, 'c');
constexpr const char* kSecret = "hf_secret";

struct Asked {
  explicit Asked(FakeHttp::Server server)
      : http(std::make_shared<FakeHttp>(std::move(server))), hub(settings(), http) {}
  static HubSettings settings() {
    HubSettings settings;
    settings.endpoint = "https://hub.example";
    settings.token = kSecret;
    settings.token_place = "HF_TOKEN";
    settings.backoff = 0.001;
    return settings;
  }
  std::shared_ptr<FakeHttp> http;
  Hub hub;
};

/// What an answer that is no success comes to; it never has the token in it.
std::string refused(int status, std::map<std::string, std::string> headers) {
  Asked asked([&](const HttpRequest&) { return FakeHttp::Answer{status, headers}; });
  try {
    asked.hub.commit_of({"org/name", "dev"});
  } catch (const IoError& error) {
    BOOST_TEST(std::string(error.what()).find(kSecret) == std::string::npos);
    return error.what();
  }
  return {};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_revision_is_a_commit) {
  Asked asked([&](const HttpRequest&) {
    return FakeHttp::Answer{200, {}, R"({"sha": ")" + kCommit + "\"}"};
  });
  BOOST_TEST(asked.hub.commit_of({"org/name", "refs/pr/1"}) == kCommit);
  BOOST_TEST(asked.http->requests[0].url == "https://hub.example/api/models/org/name/revision/refs%2Fpr%2F1");
  Asked wrong([&](const HttpRequest&) { return FakeHttp::Answer{200, {}, R"({"sha": "../.."})"}; });
  BOOST_CHECK_EXCEPTION(wrong.hub.commit_of({"org/name"}), InputError, message_has("expected a commit"));
}

BOOST_AUTO_TEST_CASE(files_come_in_pages) {
  Asked asked([&](const HttpRequest& request) -> FakeHttp::Answer {
    if (request.url.ends_with("cursor=2"))
      return {200,
              {},
              R"([{"type": "file", "path": "b", "size": 130, "oid": ")" + std::string(40, '2') +
                  R"(", "lfs": {"oid": ")" + std::string(64, '3') + R"(", "size": 7, "pointerSize": 130}}])"};
    return {200,
            {{"link", "<https://hub.example/next?cursor=2>; rel=\"next\""}},
            R"([{"type": "directory", "path": "d", "size": 0, "oid": "x"},
                {"type": "file", "path": "a", "size": 5, "oid": ")" +
                std::string(40, '1') + "\"}]"};
  });
  const RepoFiles expected{{"a", 5, std::string(40, '1')},
                           {"b", 7, std::string(40, '2'), std::string(64, '3')}};
  BOOST_TEST((asked.hub.files_of({"org/name"}, kCommit) == expected));
}

BOOST_AUTO_TEST_CASE(names_and_hashes_that_cannot_be_are_refused) {
  for (const char* entry :
       {R"({"type": "file", "path": "../a", "size": 5, "oid": "1111111111111111111111111111111111111111"})",
        R"({"type": "file", "path": "a", "size": 5, "oid": "../../x"})", R"({"type": "file"})", "5"}) {
    Asked asked([&](const HttpRequest&) {
      return FakeHttp::Answer{200, {}, "[" + std::string(entry) + "]"};
    });
    BOOST_CHECK_EXCEPTION(asked.hub.files_of({"org/name"}, kCommit), InputError, message_has("hub.example"));
  }
}

BOOST_AUTO_TEST_CASE(lists_that_cannot_be_end) {
  const auto list_with = [](const std::string& size) {
    return R"([{"type": "file", "path": "a", "size": )" + size + R"(, "oid": ")" + std::string(40, '1') +
           "\"}]";
  };
  for (const char* size : {"1e30", "-1", "\"5\"", "18446744073709551615", "null"}) {
    Asked asked([&](const HttpRequest&) { return FakeHttp::Answer{200, {}, list_with(size)}; });
    BOOST_CHECK_EXCEPTION(asked.hub.files_of({"org/name"}, kCommit), InputError,
                          message_has("expected a file's size"));
  }
  Asked circle([&](const HttpRequest& request) {
    return FakeHttp::Answer{200, {{"link", "<" + request.url + ">; rel=\"next\""}}, list_with("5")};
  });
  BOOST_CHECK_EXCEPTION(circle.hub.files_of({"org/name"}, kCommit), InputError,
                        message_has("without an end"));
  BOOST_TEST(circle.http->requests.size() == 1);
}

BOOST_AUTO_TEST_CASE(an_endpoint_with_a_password_does_not_show_it) {
  HubSettings settings = Asked::settings();
  settings.endpoint = "https://user:passw0rd@hub.example";
  for (const int status : {200, 403, 404}) {
    const auto http = std::make_shared<FakeHttp>([&](const HttpRequest&) {
      return FakeHttp::Answer{status, {{"x-error-code", status == 403 ? "GatedRepo" : ""}}, "[]"};
    });
    Hub hub(settings, http);
    BOOST_CHECK_EXCEPTION(hub.commit_of({"org/name"}), Error, [](const Error& error) {
      const std::string what = error.what();
      return what.find("passw0rd") == what.npos && what.find("hub.example") != what.npos;
    });
  }
}

BOOST_AUTO_TEST_CASE(the_token_goes_to_the_endpoint_alone) {
  Asked asked([&](const HttpRequest& request) -> FakeHttp::Answer {
    if (request.url == "https://hub.example/a") return {302, {{"location", "/b"}}};
    if (request.url == "https://hub.example/b") return {307, {{"location", "https://cdn.example/c?sig=1"}}};
    if (request.url.starts_with("https://cdn.example/c"))
      return {302, {{"location", "https://hub.example:8443/d"}}};
    return {200, {}, "body"};
  });
  std::string url = "https://hub.example/a", text;
  asked.hub.get(
      url, {},
      [&](const HttpHead&, std::span<const std::byte> piece) {
        text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return true;
      },
      "org/name");
  BOOST_TEST(text == "body");
  BOOST_TEST(url == "https://hub.example:8443/d");
  std::vector<bool> sent;
  for (const HttpRequest& request : asked.http->requests)
    sent.push_back(FakeHttp::header(request, "Authorization") == std::string("Bearer ") + kSecret);
  BOOST_TEST(sent == (std::vector<bool>{true, true, false, false}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(redirects_end) {
  Asked circle([&](const HttpRequest& request) {
    return FakeHttp::Answer{302, {{"location", request.url}}};
  });
  std::string url = "https://hub.example/a";
  const auto none = [](const HttpHead&, std::span<const std::byte>) { return true; };
  BOOST_CHECK_EXCEPTION(circle.hub.get(url, {}, none, "x"), HubRefusal, message_has("redirects"));
  Asked plain([&](const HttpRequest&) {
    return FakeHttp::Answer{302, {{"location", "http://cdn.example/"}}};
  });
  BOOST_CHECK_EXCEPTION(plain.hub.get(url, {}, none, "x"), HubRefusal, message_has("without it"));
  BOOST_TEST(plain.http->requests.size() == 1);
}

BOOST_AUTO_TEST_CASE(what_may_pass_is_asked_again) {
  int left = 3;
  Asked asked([&](const HttpRequest&) -> FakeHttp::Answer {
    if (left-- > 0) return {left == 1 ? 429 : 503};
    return {200, {}, R"({"sha": ")" + kCommit + "\"}"};
  });
  BOOST_TEST(asked.hub.commit_of({"org/name"}) == kCommit);
  BOOST_TEST(asked.http->requests.size() == 4);
  left = 100;
  BOOST_CHECK_EXCEPTION(asked.hub.commit_of({"org/name"}), HttpError,
                        message_has("org/name: hub.example answers 503"));
  BOOST_TEST(asked.http->requests.size() == 9);
  asked.hub.set_attempts(1);
  BOOST_CHECK_THROW(asked.hub.commit_of({"org/name"}), HttpError);
  BOOST_TEST(asked.http->requests.size() == 10);
}

BOOST_AUTO_TEST_CASE(refusals_say_the_nearest_cause_and_are_not_repeated) {
  const auto says = [](const std::string& text, const std::string& part) {
    BOOST_CHECK_MESSAGE(text.find(part) != std::string::npos, text << " has no " << part);
  };
  says(refused(403, {{"x-error-code", "GatedRepo"}}), "accept its terms on https://hub.example/org/name");
  says(refused(401, {{"x-error-code", "GatedRepo"}}), "org/name@dev: is gated");
  says(refused(401, {{"x-error-code", "RepoNotFound"}}), "no such model, or it is private");
  says(refused(404, {{"x-error-code", "RepoNotFound"}}), "no such model");
  says(refused(404, {{"x-error-code", "RevisionNotFound"}}), "no such branch, tag or commit");
  says(refused(404, {{"x-error-code", "EntryNotFound"}}), "no such file");
  says(refused(401, {{"x-error-message", "Invalid credentials in Authorization header"}}),
       "does not know the token of HF_TOKEN");
  says(refused(404, {}), "is hub.example a Hub");
  says(refused(403, {{"x-error-message", "Blocked here"}}), "Blocked here");
  says(refused(429, {{"retry-after", "7200"}}), "come back in 7200 s");
  says(refused(429, {{"ratelimit", R"("api";r=0;t=300)"}}), "come back in 300 s");
  for (const char* text : {"99999999999999999999", "inf", "1e30", "1e999"})
    says(refused(429, {{"retry-after", text}}), "come back in 31536000 s");
  says(refused(409, {}), "the same command goes on");
  says(refused(416, {}), "shorter than the Hub lists it");
  Asked asked([](const HttpRequest&) { return FakeHttp::Answer{404}; });
  BOOST_CHECK_THROW(asked.hub.commit_of({"org/name"}), HubRefusal);
  BOOST_TEST(asked.http->requests.size() == 1);
}

BOOST_AUTO_TEST_CASE(waiting_ends_when_somebody_cancels) {
  Asked asked([](const HttpRequest&) { return FakeHttp::Answer{429, {{"retry-after", "60"}}}; });
  int asks = 0;
  asked.hub.cancel_when([&] { return ++asks > 2; });
  BOOST_CHECK_THROW(asked.hub.commit_of({"org/name"}), Interrupted);
}

BOOST_AUTO_TEST_CASE(addresses_are_joined_and_compared) {
  BOOST_TEST(origin_of("HTTPS://Hub.Example:443/a") == "https://hub.example");
  BOOST_TEST(origin_of("https://hub.example@evil.example/a") == "https://evil.example");
  BOOST_TEST(origin_of("https://hub.example.evil/") != origin_of("https://hub.example/"));
  BOOST_TEST(host_of("https://hub.example:99/a?sig=1") == "hub.example:99");
  BOOST_TEST(joined_url("https://h/a/b?x", "c?y=http://z/") == "https://h/a/c?y=http://z/");
  BOOST_TEST(joined_url("https://h/a/b", "/c") == "https://h/c");
  BOOST_TEST(joined_url("https://h/a/b", "//g/c") == "https://g/c");
  BOOST_TEST(joined_url("https://h", "c") == "https://h/c");
  BOOST_TEST(joined_url("https://h/a", "http://g/c") == "http://g/c");
  BOOST_TEST(quoted_url("a b/\xc3\xa9", true) == "a%20b/%C3%A9");
  BOOST_TEST(quoted_url("a/b", false) == "a%2Fb");
  BOOST_TEST(next_link("<https://h/1>; rel=\"prev\", <https://h/2>; rel=\"next\"") == "https://h/2");
  BOOST_TEST(next_link("<https://h/1>; rel=\"prev\"").empty());
}

BOOST_AUTO_TEST_SUITE_END()
