// SPDX-License-Identifier: Apache-2.0
#include "mhub/tensor/convert.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace mhub {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// An 8-bit float with IEEE-like layout decoded by its definition.
float small_float(std::uint8_t bits, int exponent_bits, int mantissa_bits) {
  const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const float sign = (bits & 0x80) != 0 ? -1.0F : 1.0F;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), 1 - bias - mantissa_bits);
  return sign *
         std::ldexp(static_cast<float>(mantissa + (1 << mantissa_bits)), exponent - bias - mantissa_bits);
}

template <typename T>
T load(const std::byte* source, std::size_t index) {
  T value;
  std::memcpy(&value, source + index * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
void store(std::byte* destination, std::size_t index, T value) {
  std::memcpy(destination + index * sizeof(T), &value, sizeof(T));
}

/// One loop per pair of types, so that the compiler can vectorise each.
template <typename Read, typename Cast>
void cast_loop(std::byte* destination, std::size_t count, Read read, Cast cast) {
  for (std::size_t i = 0; i < count; ++i) store(destination, i, cast(read(i)));
}

template <typename Read>
void cast_to(DType to, std::byte* out, std::size_t count, Read read) {
  const auto to_float = [=](std::size_t i) { return static_cast<float>(read(i)); };
  switch (to) {
    case DType::f64: return cast_loop(out, count, read, [](auto v) { return static_cast<double>(v); });
    case DType::f32: return cast_loop(out, count, to_float, [](float v) { return v; });
    case DType::f16: return cast_loop(out, count, to_float, [](float v) { return float_to_f16(v); });
    case DType::bf16: return cast_loop(out, count, to_float, [](float v) { return float_to_bf16(v); });
    default: throw std::logic_error("convert_elements: unsupported destination type");
  }
}

constexpr std::size_t kBlock = 512;
using Block = std::array<double, kBlock>;

std::byte* bytes(Block& block) { return reinterpret_cast<std::byte*>(block.data()); }

/// Elements [0, count) in double precision with `added`.
void sums(DType from, const std::byte* source, std::size_t count, double added, Block& out) {
  convert_elements(from, source, DType::f64, bytes(out), count);
  if (added == 0) return;  // -0 + 0 is 0
  for (std::size_t i = 0; i < count; ++i) out[i] += added;
}

}  // namespace

float bf16_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::uint16_t float_to_bf16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  // torch turns every NaN into 0x7fc0 (c10/util/BFloat16.h, round_to_nearest_even).
  if (std::isnan(value)) return 0x7fc0;
  return static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float f16_to_float(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1f;
  std::uint32_t mantissa = bits & 0x3ff;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000 | (mantissa << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  if (mantissa == 0) return std::bit_cast<float>(sign);
  const int shift = std::countl_zero(mantissa) - 21;  // brings the leading one to bit 10
  mantissa = (mantissa << shift) & 0x3ff;
  return std::bit_cast<float>(sign | (static_cast<std::uint32_t>(113 - shift) << 23) | (mantissa << 13));
}

std::uint16_t float_to_f16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000);
  const std::uint32_t magnitude = bits & 0x7fffffff;
  // torch keeps the sign of a NaN and sets 0x7e00 (c10/util/Half.h, fp16_ieee_from_fp32_value).
  if (magnitude > 0x7f800000) return static_cast<std::uint16_t>(sign | 0x7e00);
  if (magnitude >= 0x477ff000) return static_cast<std::uint16_t>(sign | 0x7c00);  // rounds to 65536 or more
  if (magnitude < 0x38800000) {  // below 2^-14: a subnormal, in units of 2^-24
    const float units = std::bit_cast<float>(magnitude) * 16777216.0F;
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(units)));
  }
  const std::uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000) >> 13));
}

float f8_e4m3_to_float(std::uint8_t bits) { return (bits & 0x7f) == 0x7f ? kNan : small_float(bits, 4, 3); }

float f8_e5m2_to_float(std::uint8_t bits) {
  if ((bits & 0x7c) != 0x7c) return small_float(bits, 5, 2);
  if ((bits & 3) != 0) return kNan;
  return (bits & 0x80) != 0 ? -std::numeric_limits<float>::infinity()
                            : std::numeric_limits<float>::infinity();
}

float f8_e8m0_to_float(std::uint8_t bits) { return bits == 0xff ? kNan : std::ldexp(1.0F, bits - 127); }

bool can_convert(DType from, DType to) {
  if (from == to) return true;
  return is_floating(from) && (to == DType::f64 || to == DType::f32 || to == DType::f16 || to == DType::bf16);
}

std::optional<DType> joined_dtype(DType a, DType b) {
  if (a == b) return a;
  const auto is_value = [](DType dtype) { return is_floating(dtype) && can_convert(DType::f64, dtype); };
  if (!is_value(a) || !is_value(b)) return std::nullopt;
  return a == DType::f64 || b == DType::f64 ? DType::f64 : DType::f32;
}

void convert_elements(DType from, const std::byte* source, DType to, std::byte* destination,
                      std::size_t count) {
  if (from == to) {
    if (source != destination) std::memcpy(destination, source, count * size_of(from));
    return;
  }
  switch (from) {
    case DType::f64:
      return cast_to(to, destination, count, [=](std::size_t i) { return load<double>(source, i); });
    case DType::f32:
      return cast_to(to, destination, count, [=](std::size_t i) { return load<float>(source, i); });
    case DType::f16:
      return cast_to(to, destination, count,
                     [=](std::size_t i) { return f16_to_float(load<std::uint16_t>(source, i)); });
    case DType::bf16:
      return cast_to(to, destination, count,
                     [=](std::size_t i) { return bf16_to_float(load<std::uint16_t>(source, i)); });
    case DType::f8_e4m3:
      return cast_to(to, destination, count,
                     [=](std::size_t i) { return f8_e4m3_to_float(load<std::uint8_t>(source, i)); });
    case DType::f8_e5m2:
      return cast_to(to, destination, count,
                     [=](std::size_t i) { return f8_e5m2_to_float(load<std::uint8_t>(source, i)); });
    case DType::f8_e8m0:
      return cast_to(to, destination, count,
                     [=](std::size_t i) { return f8_e8m0_to_float(load<std::uint8_t>(source, i)); });
    default: throw std::logic_error("convert_elements: unsupported source type");
  }
}

void add_to_elements(DType from, const std::byte* source, DType to, std::byte* destination, std::size_t count,
                     double added) {
  Block values{};
  for (std::size_t done = 0; done < count; done += kBlock) {
    const std::size_t step = std::min(kBlock, count - done);
    sums(from, source + done * size_of(from), step, added, values);
    convert_elements(DType::f64, bytes(values), to, destination + done * size_of(to), step);
  }
}

void CastLosses::add(const CastLosses& more) {
  to_infinity += more.to_infinity;
  to_zero += more.to_zero;
  largest = std::max(largest, more.largest);
}

CastLosses losses_of_cast(DType from, const std::byte* source, DType to, const std::byte* result,
                          std::size_t count, double added) {
  CastLosses losses;
  Block before{}, after{};
  for (std::size_t done = 0; done < count; done += kBlock) {
    const std::size_t step = std::min(kBlock, count - done);
    convert_elements(to, result + done * size_of(to), DType::f64, bytes(after), step);
    const auto suspect = [](double value) { return value == 0 || std::isinf(value); };
    if (std::none_of(after.begin(), after.begin() + static_cast<std::ptrdiff_t>(step), suspect)) continue;
    sums(from, source + done * size_of(from), step, added, before);
    for (std::size_t i = 0; i < step; ++i) {
      if (after[i] == 0 && before[i] != 0) ++losses.to_zero;
      if (!std::isinf(after[i]) || std::isinf(before[i])) continue;
      ++losses.to_infinity;
      losses.largest = std::max(losses.largest, std::abs(before[i]));
    }
  }
  return losses;
}

std::size_t first_inexact(DType from, const std::byte* source, DType to, std::size_t count, double added) {
  Block wanted{}, stored{}, narrow{}, returned{};
  for (std::size_t done = 0; done < count; done += kBlock) {
    const std::size_t step = std::min(kBlock, count - done);
    const std::byte* original = source + done * size_of(from);
    sums(from, original, step, added, wanted);
    convert_elements(DType::f64, bytes(wanted), to, bytes(narrow), step);
    convert_elements(to, bytes(narrow), DType::f64, bytes(stored), step);
    add_to_elements(to, bytes(narrow), from, bytes(returned), step, -added);
    for (std::size_t i = 0; i < step; ++i) {
      const std::size_t at = i * size_of(from);
      const bool same = std::memcmp(bytes(returned) + at, original + at, size_of(from)) == 0;
      if (stored[i] != wanted[i] || !same) return done + i;
    }
  }
  return count;
}

std::string shortest(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

}  // namespace mhub
