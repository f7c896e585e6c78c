// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace mhub {

/// Bytes [begin, end) of something.
struct ByteRange {
  std::uint64_t begin = 0, end = 0;
  std::uint64_t size() const { return end - begin; }
};
/// The same bytes, counted from `first` on.
inline ByteRange within(const ByteRange& range, std::uint64_t first) {
  return {range.begin - first, range.end - first};
}

/// Random-access bytes: a file, or something that a driver computes on the fly (a decoded quantised tensor, a
/// chunk of an archive). Implementations are thread-safe and never hand out bytes that they could not read.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Size in bytes.
  virtual std::uint64_t size() const = 0;
  /// What to call it in messages: the file's path.
  virtual const std::string& name() const = 0;
  /// Fills `out` from `offset`. Throws IoError when fewer bytes are there.
  virtual void read(std::uint64_t offset, std::span<std::byte> out) const = 0;
  /// Says which content this is, now: two calls differ when the content may have changed in between. Empty
  /// where it cannot change.
  virtual std::string fingerprint() const { return {}; }
  /// Whether the bytes come from afar: who reads files in the order of their names, each from its front,
  /// waits least, and what is read twice may have to come twice.
  virtual bool arrives() const { return false; }
  /// Whether these are a file's bytes, at their places in it, so that another file may have the same blocks.
  virtual bool in_file() const { return false; }
  /// That file, open for reading; -1 where it is not on this machine, or not yet.
  virtual int descriptor() const { return -1; }
  /// All bytes in memory where the source can offer that without copying; empty otherwise.
  virtual std::span<const std::byte> map() const { return {}; }
};

}  // namespace mhub
