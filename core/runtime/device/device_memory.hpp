// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mhub/runtime/device/device.hpp"

namespace mhub::runtime {

/// Device buffers by purpose, whose contents last until the next call with the same name; they grow and are
/// used again.
class DeviceScratch {
 public:
  explicit DeviceScratch(Device& device) : device_(device) {}
  void* get(const char* name, std::size_t bytes);
  /// The values of one call's small arrays on the device.
  template <typename T>
  const T* upload(const char* name, std::span<const T> values) {
    void* memory = get(name, values.size_bytes());
    device_.upload(values.data(), values.size_bytes(), memory);
    return static_cast<const T*>(memory);
  }

 private:
  struct Buffer {
    std::shared_ptr<std::byte> memory;
    std::size_t bytes = 0;
  };
  Device& device_;
  std::map<std::string, Buffer> buffers_;
};

/// Several small arrays that travel to the device together.
class Parcel {
 public:
  /// Where the values will lie, in bytes from the beginning.
  template <typename T>
  std::size_t add(std::span<const T> values) {
    const std::size_t at = (bytes_.size() + kAlignment - 1) / kAlignment * kAlignment;
    bytes_.resize(at + values.size_bytes());
    if (!values.empty()) std::memcpy(bytes_.data() + at, values.data(), values.size_bytes());
    return at;
  }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kAlignment = 16;
  std::vector<std::byte> bytes_;
};

/// Device copies of vectors that a layer keeps (norms, biases, sinks): uploaded when they are first met and
/// again if the host's values have changed since.
class Constants {
 public:
  explicit Constants(Device& device) : device_(device) {}
  /// nullptr for no values.
  const float* get(std::span<const float> values);

 private:
  struct Copy {
    std::vector<float> host;
    std::shared_ptr<std::byte> memory;
  };
  Device& device_;
  std::map<std::pair<const float*, std::size_t>, Copy> copies_;
};

/// Device copies of the last few arrays, found again by their values: the angles of a forward pass, which
/// every layer brings.
class RecentArrays {
 public:
  explicit RecentArrays(Device& device) : device_(device) {}
  const float* get(std::span<const float> values);

 private:
  static constexpr std::size_t kKept = 4;  // cosines and sines of layers with and without a window
  struct Copy {
    std::vector<float> host;
    std::shared_ptr<std::byte> memory;
    std::size_t bytes = 0;
  };
  Device& device_;
  std::vector<Copy> copies_;
  std::size_t next_ = 0;  ///< the oldest
};

}  // namespace mhub::runtime
