// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "mhub/runtime/device/device.hpp"

namespace mhub::runtime {

/// Pages of one size at multiples of that size from one address, so that a number says which: what page
/// tables hold. Pages that were given back are used again first. A page begins as zeros, since a graph may
/// multiply what it masks out, and zero times an infinity is no number.
class PagePool {
 public:
  /// Borrows the device. Up to all of its memory may become pages.
  PagePool(Device& device, std::size_t page_bytes);

  /// A page, given back when the last copy of the pointer goes. Throws IoError when memory is short.
  std::shared_ptr<float> take();
  /// The number of a page of this pool.
  std::int32_t number(const void* page) const;

  std::byte* base() const;
  /// Numbers are below this.
  std::int64_t capacity() const;
  /// Pages that are out.
  std::int64_t taken() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  ///< also held by pages that outlive the pool
};

}  // namespace mhub::runtime
