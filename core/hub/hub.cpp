// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/hub.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <random>
#include <set>
#include <thread>

#include "mhub/base/json.hpp"
#include "mhub/hub/answers.hpp"
#include "mhub/hub/cache.hpp"
#include "mhub/hub/http/driver.hpp"
#include "mhub/hub/url.hpp"

namespace mhub {
namespace {

constexpr int kMostRedirects = 10;
constexpr std::size_t kLargestText = 256 << 20;
constexpr double kLongestPause = 8, kLongestRetryAfter = 120;

/// Half to one and a half times as long: clients that were refused together do not come back together.
double with_jitter(double seconds) {
  static thread_local std::mt19937 random(std::random_device{}());
  return seconds * std::uniform_real_distribution<double>(0.5, 1.5)(random);
}

}  // namespace

Hub::Hub(HubSettings settings, std::shared_ptr<HttpClient> client)
    : settings_(std::move(settings)), client_(std::move(client)) {
  if (client_ == nullptr) client_ = http_driver().make_client(settings_.patience, "mhub/" MHUB_VERSION);
}

void Hub::wait(double seconds) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (;;) {
    if (cancelled_ && cancelled_())
      throw Interrupted("interrupted while waiting for " + host_of(settings_.endpoint));
    const auto left = end - std::chrono::steady_clock::now();
    if (left.count() <= 0) return;
    std::this_thread::sleep_for(std::min<std::chrono::duration<double>>(left, std::chrono::milliseconds(50)));
  }
}

void Hub::repeated(const std::function<void()>& attempt, const std::function<bool()>& progressed) {
  double pause = settings_.backoff;
  for (int left = attempts_ - 1;; --left) {
    double asked = 0;
    try {
      attempt();
      return;
    } catch (const RetryLater& error) {
      if (left <= 0 || error.seconds() > kLongestRetryAfter) throw;
      asked = error.seconds();
    } catch (const HttpError& error) {
      if (!error.transient()) throw;
      if (progressed && progressed()) {
        left = attempts_;
        pause = settings_.backoff;
      }
      if (left <= 0) throw;
    }
    wait(std::max(asked, with_jitter(pause)));
    pause = std::min(2 * pause, kLongestPause);
  }
}

HttpHead Hub::follow(HttpRequest& request, const HttpClient::Body& body) {
  const std::vector<std::string> headers = request.headers;
  for (int hop = 0; hop < kMostRedirects; ++hop) {
    request.headers = headers;
    if (settings_.token && origin_of(request.url) == origin_of(settings_.endpoint))
      request.headers.push_back("Authorization: Bearer " + *settings_.token);
    HttpHead head = client_->send(request, body, cancelled_);
    const bool keeps_method = head.status == 307 || head.status == 308;
    if (!head.redirects() || !(request.method == "GET" || keeps_method)) return head;
    const std::string next = joined_url(request.url, head.header("location"));
    if (origin_of(request.url).starts_with("https://") && !origin_of(next).starts_with("https://"))
      throw HubRefusal(
          host_of(request.url) + ": redirects from https to an address without it, which is not followed",
          head.status);
    request.url = next;
  }
  throw HubRefusal(host_of(request.url) + ": more than " + std::to_string(kMostRedirects) + " redirects",
                   310);
}

HttpHead Hub::get(std::string& url, const std::vector<std::string>& headers, const HttpClient::Body& body,
                  const std::string& what) {
  HttpRequest request{url, "GET", headers};
  // The body of a redirect or an error says nothing to whoever wants the file's.
  const HttpHead head = follow(request, [&](const HttpHead& of, std::span<const std::byte> piece) {
    return of.status / 100 != 2 || body(of, piece);
  });
  url = request.url;
  if (head.status / 100 != 2) refuse(head, url, what, settings_);
  return head;
}

Hub::Answer Hub::tell(HttpRequest request) {
  constexpr std::size_t kLargestAnswer = 64 << 20;
  Answer answer;
  answer.head = follow(request, [&](const HttpHead& of, std::span<const std::byte> piece) {
    if (of.redirects()) return true;
    if (answer.body.size() + piece.size() > kLargestAnswer)
      throw InputError(host_of(request.url) + ": an answer of more than " + std::to_string(kLargestAnswer) +
                       " bytes");
    answer.body.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return true;
  });
  answer.url = request.url;
  return answer;
}

Hub::Answer Hub::told(HttpRequest request, const std::string& what) {
  Answer answer = tell(std::move(request));
  if (answer.head.status / 100 == 2) return answer;
  // What the header does not say, the body may: {"error": "..."} (huggingface_hub's utils/_http.py, _format).
  if (const auto json = nlohmann::json::parse(answer.body, nullptr, false);
      answer.head.header("x-error-message").empty() && json.is_object() && json.contains("error") &&
      json["error"].is_string())
    answer.head.headers["x-error-message"] = json["error"].get<std::string>();
  refuse(answer.head, answer.url, what, settings_);
}

std::string Hub::location(const std::string& url, const std::string& what) {
  std::string found;
  repeated([&] {
    found = url;
    for (int hop = 0; hop < kMostRedirects; ++hop) {
      HttpRequest request{found, "HEAD", {"Accept-Encoding: identity"}};
      if (settings_.token && origin_of(found) == origin_of(settings_.endpoint))
        request.headers.push_back("Authorization: Bearer " + *settings_.token);
      const HttpHead head = client_->send(
          request, [](const HttpHead&, std::span<const std::byte>) { return true; }, cancelled_);
      if (!head.redirects()) {
        if (head.status / 100 != 2) refuse(head, found, what, settings_);
        return;
      }
      found = joined_url(found, head.header("location"));
      // A signed address may be for one method only: it is used, not asked about.
      if (origin_of(found) != origin_of(settings_.endpoint)) return;
    }
    throw HubRefusal(host_of(url) + ": more than " + std::to_string(kMostRedirects) + " redirects", 310);
  });
  return found;
}

std::string Hub::text_of(std::string& url, const std::string& what, std::string& link) {
  std::string text;
  repeated([&] {
    std::string at = url;
    text.clear();
    const HttpHead head = get(
        at, {},
        [&](const HttpHead&, std::span<const std::byte> piece) {
          if (text.size() + piece.size() > kLargestText)
            throw InputError(host_of(at) + ": an answer of more than " + std::to_string(kLargestText) +
                             " bytes");
          text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
          return true;
        },
        what);
    link = next_link(head.header("link"));
    url = at;
  });
  return text;
}

std::string Hub::commit_of(const RepoId& id) {
  std::string url =
      settings_.endpoint + "/api/models/" + id.name + "/revision/" + quoted_url(id.revision, false);
  std::string link;
  const nlohmann::json answer = parse_json(text_of(url, id.text(), link), shown_url(url));
  const auto sha = answer.is_object() ? answer.find("sha") : answer.end();
  if (!answer.is_object() || sha == answer.end() || !sha->is_string() ||
      !is_commit(sha->get_ref<const std::string&>()))
    throw InputError(shown_url(url) + ": expected a commit (sha), found none; is HF_ENDPOINT a Hub?");
  return sha->get<std::string>();
}

RepoFiles Hub::files_of(const RepoId& id, const std::string& commit) {
  std::string url =
      settings_.endpoint + "/api/models/" + id.name + "/tree/" + commit + "?recursive=true&expand=false";
  constexpr std::size_t kMostPages = 10'000;  // of a thousand files each
  RepoFiles files;
  std::set<std::string> seen;
  while (!url.empty()) {
    if (!seen.insert(url).second || seen.size() > kMostPages)
      throw InputError(shown_url(url) + ": a list of files without an end");
    std::string link;
    const nlohmann::json page = parse_json(text_of(url, id.text(), link), shown_url(url));
    append_files(page, url, files);
    url = link.empty() ? link : joined_url(url, link);
  }
  return files;
}

std::string Hub::address(const std::string& repo, const std::string& commit, const std::string& file) const {
  return settings_.endpoint + "/" + repo + "/resolve/" + quoted_url(commit, false) + "/" +
         quoted_url(file, true);
}

}  // namespace mhub
