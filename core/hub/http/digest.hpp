// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace mhub {

enum class DigestKind { sha1, sha256 };

/// A cryptographic hash of a stream of bytes: the names that git and the Hub give to contents.
class Digest {
 public:
  virtual ~Digest() = default;
  virtual void update(std::span<const std::byte> data) = 0;
  /// Of everything so far, in lower-case hexadecimal digits; ends it.
  virtual std::string hex() = 0;
};

}  // namespace mhub
