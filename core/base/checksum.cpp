// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/checksum.hpp"

#define XXH_INLINE_ALL
#include <array>

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
  constexpr std::array<char, 17> kDigits{"0123456789abcdef"};
  std::string text;
  for (const unsigned char byte : digest.digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace mhub
