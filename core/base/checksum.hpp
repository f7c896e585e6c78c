// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace mhub {

/// XXH3-128 of a stream of bytes: fast enough to check everything that passes, strong enough to find any
/// accident. It is no protection against somebody who forges.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  void update(std::span<const std::byte> data);
  /// Of everything so far, as 32 hexadecimal digits (canonical, big-endian order, as `xxhsum -H2` prints).
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// That of a text.
std::string checksum_of(const std::string& text);

}  // namespace mhub
