// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/device/device_memory.hpp"

#include <algorithm>

namespace mhub::runtime {

void* DeviceScratch::get(const char* name, std::size_t bytes) {
  Buffer& buffer = buffers_[name];
  if (buffer.bytes < bytes) {
    buffer.memory.reset();
    buffer.memory = device_.allocate(bytes);
    buffer.bytes = bytes;
  }
  return buffer.memory.get();
}

const float* Constants::get(std::span<const float> values) {
  if (values.empty()) return nullptr;
  Copy& copy = copies_[{values.data(), values.size()}];
  if (copy.memory == nullptr) copy.memory = device_.allocate(values.size_bytes());
  if (!std::equal(values.begin(), values.end(), copy.host.begin(), copy.host.end())) {
    copy.host.assign(values.begin(), values.end());
    device_.upload(values.data(), values.size_bytes(), copy.memory.get());
  }
  return reinterpret_cast<const float*>(copy.memory.get());
}

const float* RecentArrays::get(std::span<const float> values) {
  for (const Copy& copy : copies_) {
    if (std::equal(values.begin(), values.end(), copy.host.begin(), copy.host.end()))
      return reinterpret_cast<const float*>(copy.memory.get());
  }
  if (copies_.size() < kKept) copies_.resize(kKept);
  Copy& copy = copies_[next_];
  next_ = (next_ + 1) % kKept;
  if (copy.bytes < values.size_bytes()) {
    copy.memory.reset();
    copy.memory = device_.allocate(values.size_bytes());
    copy.bytes = values.size_bytes();
  }
  copy.host.assign(values.begin(), values.end());
  device_.upload(values.data(), values.size_bytes(), copy.memory.get());
  return reinterpret_cast<const float*>(copy.memory.get());
}

}  // namespace mhub::runtime
