// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/torch_zip/negated.hpp"

namespace mhub {
namespace {

/// Little-endian elements: the sign is the highest bit of the last byte.
class Negated final : public ByteSource {
 public:
  Negated(std::shared_ptr<const ByteSource> bytes, std::uint64_t first, std::size_t element)
      : bytes_(std::move(bytes)), first_(first), element_(element) {}

  std::uint64_t size() const override { return bytes_->size(); }
  const std::string& name() const override { return bytes_->name(); }
  std::string fingerprint() const override { return bytes_->fingerprint(); }
  bool arrives() const override { return bytes_->arrives(); }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    bytes_->read(offset, out);
    const std::uint64_t inside = (offset - first_) % element_;
    for (std::size_t at = element_ - 1 - inside; at < out.size(); at += element_) out[at] ^= std::byte{0x80};
  }

 private:
  std::shared_ptr<const ByteSource> bytes_;
  std::uint64_t first_;
  std::size_t element_;
};

}  // namespace

std::shared_ptr<const ByteSource> negated(std::shared_ptr<const ByteSource> bytes, std::uint64_t first,
                                          DType dtype) {
  return std::make_shared<Negated>(std::move(bytes), first, size_of(dtype));
}

}  // namespace mhub
