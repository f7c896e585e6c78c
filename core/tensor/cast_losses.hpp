// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mhub {

/// What values lose in a cast beyond rounding.
struct CastLosses {
  std::uint64_t to_infinity = 0;  ///< finite values that the type cannot hold
  std::uint64_t to_zero = 0;      ///< values that are not zero and became it
  double largest = 0;             ///< of the magnitudes that became infinite

  void add(const CastLosses& more);
};

}  // namespace mhub
