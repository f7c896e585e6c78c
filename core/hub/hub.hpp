// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

#include "mhub/hub/http/http.hpp"
#include "mhub/hub/repo_file.hpp"
#include "mhub/hub/repo_id.hpp"
#include "mhub/hub/settings.hpp"

namespace mhub {

/// The Hub refuses, or has no such thing: asking again does not help. `status` is HTTP's.
class HubRefusal : public IoError {
 public:
  HubRefusal(const std::string& message, int status) : IoError(message), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

/// Questions to the Hub, repeated where that may help: 408, 429 and 5xx, and where the network failed, five
/// times with growing pauses that no two clients share, or as long as Retry-After says. The token goes to the
/// endpoint alone, whatever it redirects to, and into no message. Thread-safe.
class Hub {
 public:
  /// `client` may be a test's; without one, libcurl's is loaded.
  explicit Hub(HubSettings settings, std::shared_ptr<HttpClient> client = nullptr);

  const HubSettings& settings() const { return settings_; }
  /// Asked while it waits.
  void cancel_when(std::function<bool()> cancelled) { cancelled_ = std::move(cancelled); }
  const std::function<bool()>& cancelled() const { return cancelled_; }
  /// How often a question is put; 1 for who has another answer.
  void set_attempts(int attempts) { attempts_ = attempts; }
  int attempts() const { return attempts_; }

  /// The commit that a revision is. Throws HubRefusal, HttpError.
  std::string commit_of(const RepoId& id);
  /// All files of a commit.
  RepoFiles files_of(const RepoId& id, const std::string& commit);
  /// The address of a file at a commit.
  std::string address(const std::string& repo, const std::string& commit, const std::string& file) const;

  /// One GET, redirects followed, not repeated. `url` becomes the address that answered. Throws HttpError for
  /// answers that are worth another attempt, else HubRefusal; `what` begins their message.
  HttpHead get(std::string& url, const std::vector<std::string>& headers, const HttpClient::Body& body,
               const std::string& what);
  struct Answer {
    HttpHead head;
    std::string body;
    std::string url;  ///< that it came from, behind redirects
  };
  /// One question that changes something (POST, PUT), not repeated, and the answer, whatever it is. Followed
  /// are redirects that keep the method. Throws HttpError.
  Answer tell(HttpRequest request);
  /// The same, where any other answer than 2xx is thrown, as `get` does.
  Answer told(HttpRequest request, const std::string& what);
  /// Where a GET of `url` would be redirected to in the end; `url` itself where it would not.
  std::string location(const std::string& url, const std::string& what);
  /// Repeats what throws a transient HttpError. `attempt` says whether it got any further.
  void repeated(const std::function<void()>& attempt, const std::function<bool()>& progressed = {});

 private:
  std::string text_of(std::string& url, const std::string& what, std::string& link);
  /// Sends, and sends again where it is redirected to; `request.url` becomes the last address. `body` gets
  /// that of the last answer.
  HttpHead follow(HttpRequest& request, const HttpClient::Body& body);
  void wait(double seconds) const;

  HubSettings settings_;
  std::shared_ptr<HttpClient> client_;
  std::function<bool()> cancelled_;
  std::atomic<int> attempts_{5};
};

}  // namespace mhub
