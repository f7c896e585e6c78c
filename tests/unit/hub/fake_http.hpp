// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <mutex>

#include "mhub/hub/http/http.hpp"

namespace mhub::tests {

/// An HTTP client whose answers a test gives; it keeps what it was asked.
class FakeHttp final : public HttpClient {
 public:
  struct Answer {
    int status = 200;
    std::map<std::string, std::string> headers = {};
    std::string body = {};
    bool breaks = false;  ///< behind the body
  };
  using Server = std::function<Answer(const HttpRequest&)>;

  explicit FakeHttp(Server server) : server_(std::move(server)) {}

  HttpHead send(const HttpRequest& request, const Body& body,
                const std::function<bool()>& cancelled) override {
    Answer answer;
    {
      const std::lock_guard guard(mutex_);
      requests.push_back(request);
      if (request.upload.read) read_upload(requests.back());
      answer = server_(request);
    }
    if (cancelled && cancelled()) throw Interrupted("cancelled");
    const HttpHead head{answer.status, answer.headers};
    // In pieces, as from a network.
    for (std::size_t at = 0; at < answer.body.size(); at += kPiece) {
      const std::string_view piece = std::string_view(answer.body).substr(at, kPiece);
      if (body(head, std::as_bytes(std::span(piece)))) continue;
      const std::lock_guard guard(mutex_);
      ++ended_early;
      return head;
    }
    if (answer.breaks) throw HttpError("fake: broke off", true);
    return head;
  }

  /// The value of a header of a request; empty where it has none.
  static std::string header(const HttpRequest& request, const std::string& name) {
    for (const std::string& line : request.headers) {
      if (line.starts_with(name + ": ")) return line.substr(name.size() + 2);
    }
    return {};
  }

  std::vector<HttpRequest> requests;  ///< of what is uploaded, the bytes are the body
  /// Answers whose reader did not want their end: such a connection is lost.
  std::size_t ended_early = 0;

 private:
  static void read_upload(HttpRequest& request) {
    request.body.resize(static_cast<std::size_t>(request.upload.size));
    constexpr std::size_t kStep = 2;
    for (std::size_t at = 0; at < request.body.size(); at += kStep)
      request.upload.read(
          at, std::as_writable_bytes(
                  std::span(request.body).subspan(at).first(std::min(kStep, request.body.size() - at))));
    request.upload.read = {};
  }

  static constexpr std::size_t kPiece = 1000;
  Server server_;
  std::mutex mutex_;
};

/// The range that a request asks for, of a content.
inline FakeHttp::Answer ranged(const HttpRequest& request, const std::string& content) {
  const std::string range = FakeHttp::header(request, "Range");
  if (range.empty()) return {200, {}, content};
  const std::size_t dash = range.find('-');
  const std::size_t begin = std::stoull(range.substr(6, dash - 6)),
                    end = std::stoull(range.substr(dash + 1)) + 1;
  return {206,
          {{"content-range", "bytes " + std::to_string(begin) + "-" + std::to_string(end - 1) + "/" +
                                 std::to_string(content.size())}},
          content.substr(begin, end - begin)};
}

}  // namespace mhub::tests
