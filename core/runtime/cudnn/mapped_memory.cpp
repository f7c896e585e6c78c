// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cudnn/mapped_memory.hpp"

#include <cuda.h>

#include "mhub/runtime/cudnn/cuda_error.hpp"

namespace mhub::runtime {
namespace {

/// The driver's functions, asked of the runtime: a library that named them itself could not be loaded where
/// there is no driver.
template <typename Function>
Function* driver(const char* name) {
  void* address = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  check_cuda(cudaGetDriverEntryPointByVersion(name, &address, 12000, cudaEnableDefault, &found), name);
  if (found != cudaDriverEntryPointSuccess || address == nullptr)
    throw IoError(std::string("CUDA: the driver has no ") + name + "; install a newer one");
  return reinterpret_cast<Function*>(address);
}

struct Driver {
  decltype(cuMemGetAllocationGranularity)* granularity =
      driver<decltype(cuMemGetAllocationGranularity)>("cuMemGetAllocationGranularity");
  decltype(cuMemAddressReserve)* reserve = driver<decltype(cuMemAddressReserve)>("cuMemAddressReserve");
  decltype(cuMemAddressFree)* free_addresses = driver<decltype(cuMemAddressFree)>("cuMemAddressFree");
  decltype(cuMemCreate)* create = driver<decltype(cuMemCreate)>("cuMemCreate");
  decltype(cuMemRelease)* release = driver<decltype(cuMemRelease)>("cuMemRelease");
  decltype(cuMemMap)* map = driver<decltype(cuMemMap)>("cuMemMap");
  decltype(cuMemUnmap)* unmap = driver<decltype(cuMemUnmap)>("cuMemUnmap");
  decltype(cuMemSetAccess)* set_access = driver<decltype(cuMemSetAccess)>("cuMemSetAccess");
};

void check_driver(CUresult result, const std::string& what) {
  if (result == CUDA_SUCCESS) return;
  throw IoError("CUDA: " + what + ": driver error " + std::to_string(static_cast<int>(result)));
}

class MappedMemory final : public GrowingMemory {
 public:
  MappedMemory(int device, std::size_t bytes, cudaStream_t stream) : stream_(stream) {
    properties_.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    properties_.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    properties_.location.id = device;
    check_driver(driver_.granularity(&unit_, &properties_, CU_MEM_ALLOC_GRANULARITY_MINIMUM),
                 "memory granularity");
    reserved_ = rounded(bytes);
    check_driver(driver_.reserve(&base_, reserved_, 0, 0, 0),
                 "addresses for " + std::to_string(reserved_) + " bytes");
  }
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;
  ~MappedMemory() override {
    if (size_ > 0) driver_.unmap(base_, size_);
    driver_.free_addresses(base_, reserved_);
  }

  std::byte* base() const override { return reinterpret_cast<std::byte*>(base_); }
  std::size_t size() const override { return size_; }
  void grow(std::size_t bytes) override {
    const std::size_t more = rounded(bytes) - size_;
    const std::string what = "keys and values: " + std::to_string(more >> 20) + " MiB more";
    CUmemGenericAllocationHandle memory = 0;
    check_driver(driver_.create(&memory, more, &properties_, 0), what);
    const CUresult mapped = driver_.map(base_ + size_, more, 0, memory, 0);
    driver_.release(memory);  // the mapping keeps it
    check_driver(mapped, what);
    size_ += more;
    CUmemAccessDesc access{};
    access.location = properties_.location;
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    check_driver(driver_.set_access(base_ + size_ - more, more, &access, 1), what);
    check_cuda(cudaMemsetAsync(base() + size_ - more, 0, more, stream_), what);
  }

 private:
  std::size_t rounded(std::size_t bytes) const { return (bytes + unit_ - 1) / unit_ * unit_; }

  Driver driver_;
  cudaStream_t stream_;
  CUmemAllocationProp properties_{};
  std::size_t unit_ = 0, reserved_ = 0, size_ = 0;
  CUdeviceptr base_ = 0;
};

}  // namespace

std::unique_ptr<GrowingMemory> map_memory(int device, std::size_t bytes, void* stream) {
  return std::make_unique<MappedMemory>(device, bytes, static_cast<cudaStream_t>(stream));
}

}  // namespace mhub::runtime
