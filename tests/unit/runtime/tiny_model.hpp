// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <string>

#include "cli/tiny_llama.hpp"
#include "runtime/random_values.hpp"

namespace mhub::tests {

/// A TinyLlama whose weights are random numbers of a useful size.
struct TinyModel : TinyLlama {
  TinyModel() {
    const auto values = random_values(static_cast<std::int64_t>(payload.size() / 4), 42, 0.5F);
    std::memcpy(payload.data(), values.data(), payload.size());
  }
};

}  // namespace mhub::tests
