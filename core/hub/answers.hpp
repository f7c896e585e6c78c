// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "mhub/base/json.hpp"
#include "mhub/hub/hub.hpp"
#include "mhub/hub/url.hpp"

namespace mhub {

/// A server that has too much to do says when to come back.
class RetryLater : public HttpError {
 public:
  RetryLater(const std::string& message, double seconds) : HttpError(message, true), seconds_(seconds) {}
  double seconds() const { return seconds_; }

 private:
  double seconds_;
};

/// Throws what an answer other than 2xx means: RetryLater, a transient HttpError, or a HubRefusal with the
/// nearest cause and what to do. `what` is the repository (or file) that was asked for.
[[noreturn]] void refuse(const HttpHead& head, const std::string& url, const std::string& what,
                         const HubSettings& settings);

/// What `read` makes of an answer in JSON. Throws InputError that begins with `what` for another one than it
/// expects.
template <typename Read>
auto read_answer(const Hub::Answer& answer, const std::string& what, const Read& read) {
  // Addresses carry signatures.
  const std::string host = host_of(answer.url);
  const nlohmann::json json = parse_json(answer.body, what + ": the answer of " + host);
  try {
    return read(json);
  } catch (const nlohmann::json::exception& error) {
    throw InputError(what + ": " + host + " answers something else than a Hub does: " + error.what());
  }
}

/// The files of one page of /api/models/.../tree. Throws InputError.
void append_files(const nlohmann::json& page, const std::string& url, RepoFiles& files);

}  // namespace mhub
