// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cudnn/cuda_device.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <cuda_runtime_api.h>

#include "mhub/runtime/cudnn/cuda_error.hpp"
#include "mhub/runtime/cudnn/launch.hpp"
#include "mhub/runtime/cudnn/mapped_memory.hpp"
#include "mhub/runtime/cudnn/plan_cache.hpp"

namespace mhub::runtime {
namespace {

constexpr std::size_t kStagingBytes = 32 << 20;  // of each pinned buffer

std::string gigabytes(std::size_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

/// Two pinned buffers that take turns: one is filled while the other travels.
class Staging {
 public:
  explicit Staging(std::size_t bytes) : bytes_(bytes) {
    for (Buffer& buffer : buffers_) {
      void* memory = nullptr;
      check_cuda(cudaMallocHost(&memory, bytes), "pinned memory");
      buffer.memory = {static_cast<std::byte*>(memory), [](std::byte* p) { cudaFreeHost(p); }};
      cudaEvent_t sent = nullptr;
      check_cuda(cudaEventCreateWithFlags(&sent, cudaEventDisableTiming), "event");
      buffer.sent = {sent, [](cudaEvent_t event) { cudaEventDestroy(event); }};
    }
  }
  std::size_t bytes() const { return bytes_; }
  /// A buffer whose contents have been sent.
  std::byte* next() {
    turn_ = 1 - turn_;
    check_cuda(cudaEventSynchronize(buffers_[turn_].sent.get()), "upload");
    return buffers_[turn_].memory.get();
  }
  /// Sends the beginning of the buffer that next() gave last.
  void send(std::size_t count, void* device, cudaStream_t stream) {
    check_cuda(cudaMemcpyAsync(device, buffers_[turn_].memory.get(), count, cudaMemcpyHostToDevice, stream),
               "upload");
    check_cuda(cudaEventRecord(buffers_[turn_].sent.get(), stream), "upload");
  }

 private:
  struct Buffer {
    std::shared_ptr<std::byte> memory;
    std::shared_ptr<CUevent_st> sent;
  };
  std::size_t bytes_;
  std::array<Buffer, 2> buffers_;
  std::size_t turn_ = 0;
};

std::shared_ptr<CUstream_st> new_stream() {
  cudaStream_t stream = nullptr;
  check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  return {stream, [](cudaStream_t s) { cudaStreamDestroy(s); }};
}

std::shared_ptr<cudnnContext> new_handle(cudaStream_t stream) {
  cudnnHandle_t handle = nullptr;
  const cudnnStatus_t status = cudnnCreate(&handle);
  if (status != CUDNN_STATUS_SUCCESS) throw IoError(std::string("cuDNN: ") + cudnnGetErrorString(status));
  std::shared_ptr<cudnnContext> owner(handle, [](cudnnHandle_t h) { cudnnDestroy(h); });
  if (cudnnSetStream(handle, stream) != CUDNN_STATUS_SUCCESS) throw IoError("cuDNN: no stream");
  return owner;
}

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(int number)
      : number_(number),
        stream_(new_stream()),
        handle_(new_handle(stream_.get())),
        plans_(GraphBuilder::for_device(number), handle_.get()) {
    check_cuda(cudaGetDeviceProperties(&properties_, number), "device properties");
  }

  std::string describe() const override {
    return std::string(properties_.name) + ", cuDNN " + cudnn_version();
  }
  std::size_t memory() const override { return properties_.totalGlobalMem; }

  std::shared_ptr<std::byte> allocate(std::size_t bytes) override {
    void* memory = nullptr;
    const cudaError_t status = cudaMalloc(&memory, std::max<std::size_t>(bytes, 1));
    if (status == cudaErrorMemoryAllocation) {
      std::size_t free = 0, total = 0;
      cudaGetLastError();  // the error was sticky until here
      check_cuda(cudaMemGetInfo(&free, &total), "free memory");
      throw IoError(std::string(properties_.name) + ": no memory for " + gigabytes(bytes) + " more; " +
                    gigabytes(free) + " of " + gigabytes(total) + " are free");
    }
    check_cuda(status, "memory");
    return {static_cast<std::byte*>(memory), [](std::byte* p) { cudaFree(p); }};
  }
  std::unique_ptr<GrowingMemory> reserve(std::size_t bytes) override {
    return map_memory(number_, bytes, stream_.get());
  }
  void upload(const void* host, std::size_t bytes, void* device) override {
    // From pageable memory: the driver has copied it when the call returns.
    check_cuda(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream_.get()), "upload");
  }
  void upload_rows(std::int64_t rows, std::size_t row_bytes, const Fill& fill, void* device) override {
    if (!staging_ || staging_->bytes() < row_bytes) staging_.emplace(std::max(kStagingBytes, row_bytes));
    const auto step = static_cast<std::int64_t>(staging_->bytes() / row_bytes);
    for (std::int64_t row = 0; row < rows; row += step) {
      const std::size_t bytes = static_cast<std::size_t>(std::min(step, rows - row)) * row_bytes;
      fill(row, {staging_->next(), bytes});
      staging_->send(bytes, static_cast<std::byte*>(device) + static_cast<std::size_t>(row) * row_bytes,
                     stream_.get());
    }
  }
  void clear(void* device, std::size_t bytes) override {
    check_cuda(cudaMemsetAsync(device, 0, bytes, stream_.get()), "clear");
  }
  void download(const void* device, std::size_t bytes, void* host) override {
    check_cuda(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream_.get()), "download");
    check_cuda(cudaStreamSynchronize(stream_.get()), "work before a download");
  }

  void launch(const Kernel& kernel) override {
    check_cuda(runtime::launch(kernel, stream_.get()),
               std::visit([](const auto& work) { return std::string(work.kName); }, kernel));
  }
  void run(const LinearSpec& spec, const LinearOperands& operands) override { plans_.run(spec, operands); }
  void run(const NormSpec& spec, const NormOperands& operands) override { plans_.run(spec, operands); }
  void run(const AttentionSpec& spec, const AttentionOperands& operands) override {
    plans_.run(spec, operands);
  }

 private:
  int number_;
  cudaDeviceProp properties_{};
  std::shared_ptr<CUstream_st> stream_;
  std::shared_ptr<cudnnContext> handle_;
  PlanCache plans_;
  std::optional<Staging> staging_;
};

}  // namespace

std::unique_ptr<Device> open_cuda_device() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    throw IoError(std::string("no CUDA device: ") +
                  (status != cudaSuccess ? cudaGetErrorString(status) : "the driver shows none") +
                  "; run without --backend cudnn, or where nvidia-smi lists a device");
  }
  check_cuda(cudaSetDevice(0), "device 0");
  return std::make_unique<CudaDevice>(0);
}

}  // namespace mhub::runtime
