// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// Sizes of the blocks of a weight's last two axes that have a scale each.
struct ScaleBlock {
  std::int64_t rows = 128, columns = 128;
};

/// The state with every FP8 weight "X" and its scales "X_scale_inv" replaced by a bf16 tensor "X" that is
/// decoded when it is read (README.md). Without `block`, a weight has one scale. Scales of inputs
/// ("....activation_scale" beside an FP8 "....weight") are left out. Other tensors stay as they are. Throws
/// InputError that names the file and the tensor where a weight or its scale is missing, or shapes or types
/// do not fit.
TensorSource decode_fp8(TensorSource tensors, const std::optional<ScaleBlock>& block);

/// The state with every pair "X_blocks", "X_scales" of MXFP4 values replaced by a bf16 tensor "X" that is
/// decoded when it is read (README.md): blocks [e, r, g, 16] become X [e, 32 g, r], as transformers'
/// convert_moe_packed_tensors turns them. Other tensors stay as they are. Throws InputError that names the
/// file and the tensor where one of a pair is missing, or shapes or types do not fit.
TensorSource decode_mxfp4(const TensorSource& tensors);

// What the two have in common.

/// Throws InputError that names the file, the tensor and its shape.
[[noreturn]] void refuse(const StoredTensor& tensor, const std::string& problem);

/// Where a tensor lies that is in one row-major piece.
struct Packed {
  std::shared_ptr<const ByteSource> bytes;
  std::uint64_t offset = 0;
  DType dtype = DType::f32;

  /// Elements [first, first + count), as bytes.
  std::vector<std::byte> read(std::int64_t first, std::int64_t count) const;
};
/// That of a tensor, as all quantised ones lie. Throws InputError for one that does not.
Packed packed(const StoredTensor& tensor);

/// A row-major bf16 tensor that is decoded while it is read. Thread-safe, keeps nothing.
class DecodedSource : public ByteSource {
 public:
  std::uint64_t size() const final { return 2 * static_cast<std::uint64_t>(elements_); }
  const std::string& name() const final { return values_.bytes->name(); }
  void read(std::uint64_t offset, std::span<std::byte> out) const final;
  /// Those of the files.
  std::string fingerprint() const final;
  bool arrives() const final { return values_.bytes->arrives(); }

 protected:
  /// The quantised values, whose file gives the name, and their scales.
  DecodedSource(Packed values, Packed scales, std::int64_t elements)
      : values_(std::move(values)), scales_(std::move(scales)), elements_(elements) {}
  /// Decodes elements [first, first + out.size()) to bf16.
  virtual void decode(std::int64_t first, std::span<std::uint16_t> out) const = 0;

  const Packed& values() const { return values_; }
  const Packed& scales() const { return scales_; }

 private:
  Packed values_, scales_;
  std::int64_t elements_;
};

}  // namespace mhub
