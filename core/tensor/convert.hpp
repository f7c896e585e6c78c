// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mhub/tensor/cast_losses.hpp"
#include "mhub/tensor/dtype.hpp"

namespace mhub {

/// Single values; the narrowing ones round to nearest even, keep NaN a NaN and overflow to infinity, as torch
/// does.
float bf16_to_float(std::uint16_t bits);
std::uint16_t float_to_bf16(float value);
float f16_to_float(std::uint16_t bits);
std::uint16_t float_to_f16(float value);
float f8_e4m3_to_float(std::uint8_t bits);  ///< OCP FP8 E4M3 "fn": no infinity, 0x7f and 0xff are NaN
float f8_e5m2_to_float(std::uint8_t bits);
float f8_e8m0_to_float(std::uint8_t bits);  ///< 2^(bits - 127); 0xff is NaN (OCP Microscaling v1.0)

/// True when `convert_elements` knows the pair: equal types, or any floating type to f64, f32, f16 or bf16.
bool can_convert(DType from, DType to);

/// The type that holds every value of both: one of them, or f32 for f16 and bf16 (as torch.promote_types has
/// it). Nothing where they are not both of f64, f32, f16 and bf16: 8-bit floats have scales beside them, and
/// are no values alone.
std::optional<DType> joined_dtype(DType a, DType b);

/// Casts `count` consecutive elements. The buffers must not overlap unless the types are equal and the
/// pointers too. A cast through f32 is exact for every pair but f64 -> f16/bf16, which torch also rounds
/// through f32.
void convert_elements(DType from, const std::byte* source, DType to, std::byte* destination,
                      std::size_t count);

/// destination[i] = source[i] + added for `count` elements, computed in double precision and cast from there.
/// Both types must be floating ones that convert_elements casts between; the buffers must not overlap.
void add_to_elements(DType from, const std::byte* source, DType to, std::byte* destination, std::size_t count,
                     double added);

/// Of `count` elements plus `added` that were cast from `source` to `result`.
CastLosses losses_of_cast(DType from, const std::byte* source, DType to, const std::byte* result,
                          std::size_t count, double added);

/// The first of `count` elements for which the above is not exact, or whose bits subtracting `added` again
/// would not give back (a value that is tiny beside `added`, a negative zero, a NaN); `count` when there is
/// none.
std::size_t first_inexact(DType from, const std::byte* source, DType to, std::size_t count, double added);

/// The shortest text that reads back.
std::string shortest(double value);

}  // namespace mhub
