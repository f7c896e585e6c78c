// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mhub/hub/http/digest.hpp"
#include "mhub/hub/http/http.hpp"

namespace mhub {

// In a library of its own (libmhub_http.so), loaded when the network is asked: libcurl and OpenSSL with the
// 30 libraries that Debian's build of them needs would add milliseconds to every start of mhub.
struct HttpDriver {
  /// `patience`: seconds without a byte after which a connection is given up.
  std::unique_ptr<HttpClient> (*make_client)(int patience, const std::string& user_agent);
  std::unique_ptr<Digest> (*make_digest)(DigestKind kind);
};

/// Loads it. Throws IoError where the system has no libcurl.
const HttpDriver& http_driver();

}  // namespace mhub

extern "C" const mhub::HttpDriver mhub_http_driver;
