// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// The state with every pair "X_blocks", "X_scales" of MXFP4 values replaced by a bf16 tensor "X" that is
/// decoded when it is read (README.md): blocks [e, r, g, 16] become X [e, 32 g, r], as transformers'
/// convert_moe_packed_tensors turns them. Other tensors stay as they are. Throws InputError that names the
/// file and the tensor where one of a pair is missing, or shapes or types do not fit.
TensorSource decode_mxfp4(const TensorSource& tensors);

}  // namespace mhub
