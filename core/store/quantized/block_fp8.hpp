#pragma once

#include <cstdint>

#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// Sizes of the blocks of a weight's last two axes that have a scale each.
struct ScaleBlock {
  std::int64_t rows = 128, columns = 128;
};

/// The state with every FP8 weight "X" and its scales "X_scale_inv" replaced by a bf16 tensor "X" that is
/// decoded when it is read (README.md). Other tensors stay as they are. Throws InputError that names the file
/// and the tensor where a weight or its scale is missing, or shapes or types do not fit.
TensorSource decode_block_fp8(const TensorSource& tensors, const ScaleBlock& block);

}  // namespace mhub
