// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

namespace mhub::runtime {

/// Gives back what allocate_floats allocated.
struct FreeFloats {
  void operator()(float* floats) const noexcept;
};

/// `count` floats of any value that begin on a cache line, so that no vector load crosses two. Large ones ask
/// the kernel for huge pages: activations and packed tiles are walked with strides of many kilobytes, which
/// would miss the processor's table of small pages at every step. Throws std::bad_alloc.
std::unique_ptr<float, FreeFloats> allocate_floats(std::int64_t count);

/// Working memory that is kept from call to call and grows by giving up what it held.
class Scratch {
 public:
  /// At least `count` floats of any value, as allocate_floats gives them.
  float* reserve(std::int64_t count) {
    if (count > size_) {
      size_ = 0;
      floats_.reset();
      floats_ = allocate_floats(count);
      size_ = count;
    }
    return floats_.get();
  }
  float* data() const { return floats_.get(); }

 private:
  std::unique_ptr<float, FreeFloats> floats_;
  std::int64_t size_ = 0;
};

}  // namespace mhub::runtime
