// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/etag.hpp"

#include <string>

namespace mhub {

std::unique_ptr<Digest> begin_etag(bool large, std::uint64_t size) {
  auto digest = http_driver().make_digest(large ? DigestKind::sha256 : DigestKind::sha1);
  if (large) return digest;
  const std::string begin = "blob " + std::to_string(size);
  digest->update(std::as_bytes(std::span(begin.c_str(), begin.size() + 1)));
  return digest;
}

}  // namespace mhub
