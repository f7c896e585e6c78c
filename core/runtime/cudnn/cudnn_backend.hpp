// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "mhub/runtime/backend.hpp"
#include "mhub/tensor/dtype.hpp"

namespace mhub::runtime {

/// The backend of device_backend.hpp on the first CUDA device, its graphs computed by cuDNN. `run` is bf16,
/// f16 or f32. The code lies in a library of its own, libmhub_cudnn.so beside libmhub.so, so that the same
/// mhub runs where neither CUDA nor cuDNN is; it is loaded here. Throws IoError when this mhub was built
/// without it, when it cannot be loaded, or when there is no device; `asked` is what the caller called it.
std::unique_ptr<Backend> make_cudnn_backend(DType run, const std::string& asked);

/// What lies behind it in that library.
struct CudnnDriver {
  std::unique_ptr<Backend> (*make)(DType run);
};

}  // namespace mhub::runtime

extern "C" const mhub::runtime::CudnnDriver mhub_cudnn_driver;
