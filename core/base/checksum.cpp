// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/checksum.hpp"

#define XXH_INLINE_ALL
#include <iterator>

#include <boost/algorithm/hex.hpp>
#include <xxhash.h>

namespace mhub {

struct Checksum::State {
  XXH3_state_t xxh;
};

Checksum::Checksum() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }

Checksum::~Checksum() = default;

void Checksum::update(std::span<const std::byte> data) {
  XXH3_128bits_update(&state_->xxh, data.data(), data.size());
}

std::string Checksum::hex() const {
  XXH128_canonical_t digest;
  XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(&state_->xxh));
  std::string text;
  boost::algorithm::hex_lower(std::begin(digest.digest), std::end(digest.digest), std::back_inserter(text));
  return text;
}

std::string checksum_of(const std::string& text) {
  Checksum checksum;
  checksum.update(std::as_bytes(std::span(text)));
  return checksum.hex();
}

}  // namespace mhub
