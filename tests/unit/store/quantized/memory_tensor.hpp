// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "mhub/base/error.hpp"
#include "mhub/store/tensor_source.hpp"
#include "store/read_tensor.hpp"

namespace mhub::tests {

/// Bytes in memory that pass for a file.
class MemoryBytes final : public ByteSource {
 public:
  explicit MemoryBytes(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  const std::string& name() const override { return name_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset + out.size() > bytes_.size()) throw IoError(name_ + ": too short");
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }

 private:
  std::vector<std::byte> bytes_;
  std::string name_ = "memory";
};

template <typename T>
StoredTensor memory_tensor(const std::string& name, DType dtype, const Shape& shape,
                           const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  StoredTensor tensor{name, dtype, shape, {}};
  tensor.chunks.push_back({Index(shape.size(), 0), shape, row_major_strides(shape),
                           std::make_shared<MemoryBytes>(std::vector<std::byte>(bytes.begin(), bytes.end())),
                           0});
  return tensor;
}

/// A bf16 tensor's values, row-major.
inline std::vector<std::uint16_t> bf16_bits(const StoredTensor& tensor) {
  const std::vector<std::byte> bytes = read_tensor(tensor);
  std::vector<std::uint16_t> bits(bytes.size() / 2);
  std::memcpy(bits.data(), bytes.data(), bytes.size());
  return bits;
}

}  // namespace mhub::tests
