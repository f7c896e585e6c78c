// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "mhub/base/byte_source.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// The bytes of one stored tensor that lies in one row-major piece, which all quantised tensors do.
struct PackedTensor {
  std::shared_ptr<const ByteSource> bytes;
  std::uint64_t offset = 0;
  DType dtype = DType::u8;
  Shape shape;
};
/// Throws InputError for a tensor that is in several pieces or not row-major.
PackedTensor packed(const StoredTensor& tensor);
/// Elements [first, first + count) of it, as bytes.
std::vector<std::byte> read_elements(const PackedTensor& tensor, std::int64_t first, std::int64_t count);

/// A row-major bf16 tensor that is decoded while it is read. Thread-safe, keeps nothing.
class DecodedSource : public ByteSource {
 public:
  std::uint64_t size() const final { return 2 * static_cast<std::uint64_t>(elements_); }
  const std::string& name() const final { return bytes_->name(); }
  void read(std::uint64_t offset, std::span<std::byte> out) const final;
  /// That of the file.
  std::string fingerprint() const final { return bytes_->fingerprint(); }

 protected:
  /// `bytes` is the file of the quantised values: names and fingerprints are its own.
  DecodedSource(std::shared_ptr<const ByteSource> bytes, std::int64_t elements)
      : bytes_(std::move(bytes)), elements_(elements) {}
  /// Decodes elements [first, first + out.size()) to bf16.
  virtual void decode(std::int64_t first, std::span<std::uint16_t> out) const = 0;

 private:
  std::shared_ptr<const ByteSource> bytes_;
  std::int64_t elements_;
};

}  // namespace mhub
