// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/hub/http/driver.hpp"

namespace mhub {

// What the driver is made of.
std::unique_ptr<HttpClient> make_curl_client(int patience, const std::string& user_agent);
std::unique_ptr<Digest> make_openssl_digest(DigestKind kind);

}  // namespace mhub
