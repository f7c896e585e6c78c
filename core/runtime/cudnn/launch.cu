// SPDX-License-Identifier: Apache-2.0
// Compiled by nvcc: the kernels of mhub/runtime/device with a warp as the group that does an item.
#include "mhub/runtime/cudnn/launch.hpp"

namespace mhub::runtime {
namespace {

constexpr int kWarp = 32;
constexpr int kWarpsPerBlock = 4;
constexpr std::int64_t kMostBlocks = 1 << 20;

class WarpGroup {
 public:
  __device__ explicit WarpGroup(int lane) : lane_(lane) {}
  __device__ std::int64_t lane() const { return lane_; }
  __device__ std::int64_t lanes() const { return kWarp; }
  /// The sum of all lanes' values, the same in every lane.
  __device__ float sum(float value) const {
    for (int offset = kWarp / 2; offset > 0; offset /= 2)
      value += __shfl_xor_sync(0xffffffffU, value, offset);
    return value;
  }
  /// Of all lanes' entries the one that ranks first, in every lane.
  __device__ RowEntry first(RowEntry entry) const {
    for (int offset = kWarp / 2; offset > 0; offset /= 2) {
      const RowEntry other{__shfl_xor_sync(0xffffffffU, entry.value, offset),
                           __shfl_xor_sync(0xffffffffU, entry.column, offset)};
      if (ranks_before(other, entry)) entry = other;
    }
    return entry;
  }

 private:
  int lane_;
};

template <typename Work>
__global__ void __launch_bounds__(kWarp* kWarpsPerBlock)
    run_items(const Work work, const std::int64_t items) {
  const WarpGroup group(static_cast<int>(threadIdx.x % kWarp));
  const std::int64_t warps = static_cast<std::int64_t>(gridDim.x) * kWarpsPerBlock;
  for (std::int64_t item = static_cast<std::int64_t>(blockIdx.x) * kWarpsPerBlock + threadIdx.x / kWarp;
       item < items; item += warps) {
    work(item, group);
  }
}

}  // namespace

cudaError_t launch(const Kernel& kernel, cudaStream_t stream) {
  std::visit(
      [stream](const auto& work) {
        const std::int64_t items = work.items();
        const std::int64_t blocks = (items + kWarpsPerBlock - 1) / kWarpsPerBlock;
        const auto grid = static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks);
        if (grid > 0) run_items<<<grid, kWarp * kWarpsPerBlock, 0, stream>>>(work, items);
      },
      kernel);
  return cudaGetLastError();
}

}  // namespace mhub::runtime
