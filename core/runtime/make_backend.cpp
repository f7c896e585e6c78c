// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/make_backend.hpp"

#include "mhub/base/error.hpp"
#include "mhub/runtime/cpu/cpu_backend.hpp"
#include "mhub/runtime/cudnn/cudnn_backend.hpp"

namespace mhub::runtime {

void check(const BackendOptions& options) {
  if (options.threads < 0 || options.threads > 1024)
    throw UsageError("threads " + std::to_string(options.threads) + ": expected 0 .. 1024");
  if (options.device != "cpu" && options.device != "cuda" && options.device != "cudnn")
    throw UsageError("device " + options.device + ": expected cpu, cuda or cudnn");
  if (options.run != DType::f32 && options.run != DType::f16 && options.run != DType::bf16)
    throw UsageError("dtype " + std::string(torch_name(options.run)) +
                     ": expected float32, float16 or bfloat16");
}

std::unique_ptr<Backend> make_backend(const BackendOptions& options) {
  check(options);
  if (options.device == "cpu") return make_cpu_backend({options.threads, nullptr});
  return make_cudnn_backend(options.run, options.device);
}

DType half_dtype(const Checkpoint& checkpoint) {
  std::int64_t f16 = 0, bf16 = 0;
  for (const StoredTensor* tensor : checkpoint.state.sources) {
    if (tensor->dtype == DType::f16) f16 += numel(tensor->shape);
    if (tensor->dtype == DType::bf16) bf16 += numel(tensor->shape);
  }
  return f16 > bf16 ? DType::f16 : DType::bf16;
}

}  // namespace mhub::runtime
