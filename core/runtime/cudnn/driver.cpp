// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/error.hpp"
#include "mhub/runtime/cudnn/cuda_device.hpp"
#include "mhub/runtime/cudnn/cudnn_backend.hpp"
#include "mhub/runtime/device/device_backend.hpp"
#include "mhub/runtime/device/device_weights.hpp"

namespace mhub::runtime {
namespace {

std::unique_ptr<Backend> make(DType run) {
  if (run != DType::f32 && run != DType::f16 && run != DType::bf16)
    throw UsageError("cudnn backend: a run is in f32, f16 or bf16");
  return make_device_backend(open_cuda_device(), element_of(run));
}

}  // namespace
}  // namespace mhub::runtime

const mhub::runtime::CudnnDriver mhub_cudnn_driver{&mhub::runtime::make};
