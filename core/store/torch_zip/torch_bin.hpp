// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// Opens a model folder with PyTorch weights: pytorch_model.bin, or pytorch_model.bin.index.json with its
/// shards. Throws InputError when a file holds something that is not a tensor, or when index and shards do
/// not list exactly the same tensors.
TensorSource open_torch_bin(const std::string& directory);

}  // namespace mhub
