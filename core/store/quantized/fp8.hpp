// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

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
TensorSource decode_fp8(const TensorSource& tensors, const std::optional<ScaleBlock>& block);

}  // namespace mhub
