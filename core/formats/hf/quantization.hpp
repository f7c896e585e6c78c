// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/config_binding.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// The state as `quantization_config` of a config.json says to read it: block FP8 and MXFP4 weights become
/// bf16 tensors that are decoded while they are read (store/quantized/README.md). Unchanged without that
/// entry. Throws InputError for a method that is not known.
TensorSource decoded_weights(TensorSource tensors, const ConfigReader& config);

/// The config of the decoded state: the same without `quantization_config`.
ConfigReader without_quantization(const ConfigReader& config);

}  // namespace mhub
