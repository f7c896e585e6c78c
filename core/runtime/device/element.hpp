// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include "mhub/runtime/host_device.hpp"

namespace mhub::runtime {

/// The types of numbers in device memory.
enum class Element : std::int32_t { f32, f16, bf16 };

MHUB_HOST_DEVICE inline std::int64_t size_of(Element element) { return element == Element::f32 ? 4 : 2; }

MHUB_HOST_DEVICE inline std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
MHUB_HOST_DEVICE inline float float_of(std::uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// IEEE 754 binary16 to float32, exact.
MHUB_HOST_DEVICE inline float float_of_f16(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000U) << 16, exponent = (half >> 10) & 31U, mantissa = half & 1023U;
  if (exponent == 31) return float_of(sign | 0x7f800000U | (mantissa << 13));
  if (exponent != 0) return float_of(sign | ((exponent + 112U) << 23) | (mantissa << 13));
  const float magnitude = static_cast<float>(mantissa) * 5.9604644775390625e-8F;  // subnormal: units of 2^-24
  return sign != 0 ? -magnitude : magnitude;
}

/// Float32 to binary16, to nearest, ties to even; beyond its range infinity, NaN stays NaN.
MHUB_HOST_DEVICE inline std::uint16_t f16_of_float(float value) {
  const std::uint32_t bits = bits_of(value), sign = (bits >> 16) & 0x8000U;
  std::uint32_t magnitude = bits & 0x7fffffffU;
  std::uint32_t half;
  if (magnitude > 0x7f800000U) {
    half = 0x7e00U;
  } else if (magnitude >= 0x477ff000U) {  // 65520 is half way between the largest number and the next
    half = 0x7c00U;
  } else if (magnitude < 0x38800000U) {  // below 2^-14: 0.5 has the units of subnormals, adding it rounds
    half = bits_of(float_of(magnitude) + 0.5F) - bits_of(0.5F);
  } else {
    magnitude += 0xfffU + ((magnitude >> 13) & 1U);
    half = (magnitude - 0x38000000U) >> 13;
  }
  return static_cast<std::uint16_t>(sign | half);
}

MHUB_HOST_DEVICE inline float float_of_bf16(std::uint16_t brain) {
  return float_of(static_cast<std::uint32_t>(brain) << 16);
}

/// Float32 to bfloat16, to nearest, ties to even; NaN stays NaN.
MHUB_HOST_DEVICE inline std::uint16_t bf16_of_float(float value) {
  const std::uint32_t bits = bits_of(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

/// Element `index` of an array.
MHUB_HOST_DEVICE inline float load(const void* array, Element element, std::int64_t index) {
  if (element == Element::f32) return static_cast<const float*>(array)[index];
  const std::uint16_t word = static_cast<const std::uint16_t*>(array)[index];
  return element == Element::f16 ? float_of_f16(word) : float_of_bf16(word);
}

MHUB_HOST_DEVICE inline void store(void* array, Element element, std::int64_t index, float value) {
  if (element == Element::f32) {
    static_cast<float*>(array)[index] = value;
  } else {
    static_cast<std::uint16_t*>(array)[index] =
        element == Element::f16 ? f16_of_float(value) : bf16_of_float(value);
  }
}

}  // namespace mhub::runtime
