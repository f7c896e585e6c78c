#pragma once

#include <string>

#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// Opens a model folder with PyTorch weights: pytorch_model.bin, or pytorch_model.bin.index.json with its
/// shards.
TensorSource open_torch_bin(const std::string& directory);

}  // namespace mhub
