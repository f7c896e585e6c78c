// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "mhub/tensor/convert.hpp"
#include "mhub/tensor/dtype.hpp"

namespace mhub::tests {

/// Normally distributed float32 values, the same in every run.
inline std::vector<float> random_values(std::int64_t count, unsigned seed, float scale = 1.0F) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0.0F, scale);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(engine);
  return values;
}

/// The values in another type, as bytes.
inline std::vector<std::byte> as_type(const std::vector<float>& values, DType dtype) {
  std::vector<std::byte> bytes(values.size() * size_of(dtype));
  convert_elements(DType::f32, reinterpret_cast<const std::byte*>(values.data()), dtype, bytes.data(),
                   values.size());
  return bytes;
}

/// What `as_type` made, back in float32.
inline std::vector<float> as_floats(const std::vector<std::byte>& bytes, DType dtype) {
  std::vector<float> values(bytes.size() / size_of(dtype));
  convert_elements(dtype, bytes.data(), DType::f32, reinterpret_cast<std::byte*>(values.data()),
                   values.size());
  return values;
}

}  // namespace mhub::tests
