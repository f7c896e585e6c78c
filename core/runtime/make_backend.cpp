// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/make_backend.hpp"

#include "mhub/base/error.hpp"
#include "mhub/runtime/cpu/cpu_backend.hpp"
#include "mhub/runtime/cudnn/cudnn_backend.hpp"

namespace mhub::runtime {

std::unique_ptr<Backend> make_backend(const BackendOptions& options) {
  if (options.threads < 0 || options.threads > 1024)
    throw UsageError("threads " + std::to_string(options.threads) + ": expected 0 .. 1024");
  if (options.device == "cpu") return make_cpu_backend({options.threads, nullptr});
  if (options.device == "cudnn" || options.device == "cuda") return make_cudnn_backend(options.run);
  throw UsageError("backend " + options.device + ": expected cpu or cudnn");
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
