// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "mhub/base/error.hpp"

namespace mhub {

/// A body that is read while it is sent, and again where a connection has to be made anew.
struct HttpUpload {
  std::uint64_t size = 0;
  /// Fills `out` from `offset`; all of it lies within the size. May throw.
  std::function<void(std::uint64_t offset, std::span<std::byte> out)> read = {};
};

/// One request. Redirects are answers like others: who sent it decides whether to follow.
struct HttpRequest {
  std::string url;
  std::string method = "GET";
  std::vector<std::string> headers = {};  ///< "name: value"
  std::string body = {};
  HttpUpload upload = {};  ///< instead of `body`, with the method PUT
  /// The server has work to do before it answers: minutes of silence are no failure.
  bool works = false;
  /// It reaches the server at most once: who sent it has to find out what became of it.
  bool once = false;
};

/// What comes before the body.
struct HttpHead {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
  bool redirects() const {
    return (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
           headers.contains("location");
  }
};

/// No whole answer came: no connection, a certificate that is not believed, silence, an end before the end.
class HttpError : public IoError {
 public:
  HttpError(const std::string& message, bool transient) : IoError(message), transient_(transient) {}
  /// Whether another attempt may go better.
  bool transient() const { return transient_; }

 private:
  bool transient_;
};

/// Sends requests. Thread-safe; connections are kept and used again.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  /// Gets a piece of the body; false ends the exchange, as if the body ended there.
  using Body = std::function<bool(const HttpHead& head, std::span<const std::byte> piece)>;
  /// Sends and waits for the end of the answer. `cancelled` is asked several times a second. Throws
  /// HttpError, Interrupted, and what `body` throws.
  virtual HttpHead send(const HttpRequest& request, const Body& body,
                        const std::function<bool()>& cancelled = {}) = 0;
};

}  // namespace mhub
