// SPDX-License-Identifier: Apache-2.0
// The kernels of kernels.hpp written once over a vector type. Included by one source file per instruction
// set, which is compiled with that set's flags and defines `Isa`. Everything here is in an anonymous
// namespace and calls nothing but intrinsics, so that no function compiled with those flags can be linked
// into code that runs on lesser processors.
#pragma once

#include <cstdint>

#include "mhub/runtime/cpu/kernels.hpp"
#include "mhub/runtime/cpu/simd_products.hpp"

namespace mhub::runtime {
namespace {

/// exp(x) within 2 units in the last place for x in [-87, 88], which it is clamped to: 2^n times a polynomial
/// on [-ln 2 / 2, ln 2 / 2] (the coefficients of Cephes' expf).
template <typename Isa>
typename Isa::Vector exponential(typename Isa::Vector x) {
  using Vector = typename Isa::Vector;
  x = Isa::max(Isa::min(x, Isa::broadcast(88.0F)), Isa::broadcast(-87.0F));
  const Vector n = Isa::round(Isa::multiply(x, Isa::broadcast(1.44269504F)));
  Vector r = Isa::fma(n, Isa::broadcast(-0.693359375F), x);
  r = Isa::fma(n, Isa::broadcast(2.12194440e-4F), r);
  Vector p = Isa::broadcast(1.9875691500e-4F);
  p = Isa::fma(p, r, Isa::broadcast(1.3981999507e-3F));
  p = Isa::fma(p, r, Isa::broadcast(8.3334519073e-3F));
  p = Isa::fma(p, r, Isa::broadcast(4.1665795894e-2F));
  p = Isa::fma(p, r, Isa::broadcast(1.6666665459e-1F));
  p = Isa::fma(p, r, Isa::broadcast(5.0000001201e-1F));
  p = Isa::fma(p, Isa::multiply(r, r), Isa::add(r, Isa::broadcast(1.0F)));
  return Isa::times_power_of_two(p, n);
}

template <typename Isa>
typename Isa::Vector gated(typename Isa::Vector x, float linear, float cubic) {
  using Vector = typename Isa::Vector;
  // Beyond 100 the sigmoid is 0 or 1; without the limit the square could overflow.
  const Vector limited = Isa::max(Isa::min(x, Isa::broadcast(100.0F)), Isa::broadcast(-100.0F));
  const Vector square = Isa::multiply(limited, limited);
  const Vector slope = Isa::fma(square, Isa::broadcast(-cubic), Isa::broadcast(-linear));
  return Isa::divide(x, Isa::add(Isa::broadcast(1.0F), exponential<Isa>(Isa::multiply(slope, limited))));
}

template <typename Isa>
void sigmoid_gate(const float* in, std::int64_t count, float linear, float cubic, float* out) {
  std::int64_t k = 0;
  for (; k + Isa::kLanes <= count; k += Isa::kLanes)
    Isa::store(out + k, gated<Isa>(Isa::load(in + k), linear, cubic));
  if (k == count) return;
  float rest[Isa::kLanes];
  Isa::store(rest, gated<Isa>(load_part<Isa, DType::f32>(in + k, count - k), linear, cubic));
  for (std::int64_t j = k; j < count; ++j) out[j] = rest[j - k];
}

template <typename Isa>
float exponentials(float* values, std::int64_t count, float largest) {
  using Vector = typename Isa::Vector;
  const Vector shift = Isa::broadcast(-largest);
  Vector sums = Isa::zero();
  std::int64_t k = 0;
  for (; k + Isa::kLanes <= count; k += Isa::kLanes) {
    const Vector e = exponential<Isa>(Isa::add(Isa::load(values + k), shift));
    Isa::store(values + k, e);
    sums = Isa::add(sums, e);
  }
  float sum = Isa::sum(sums);
  if (k == count) return sum;
  float rest[Isa::kLanes];
  Isa::store(rest, exponential<Isa>(Isa::add(load_part<Isa, DType::f32>(values + k, count - k), shift)));
  for (std::int64_t j = k; j < count; ++j) sum += values[j] = rest[j - k];
  return sum;
}

/// sum over k of (in[k] - mean)^power for power 1 or 2.
template <typename Isa, int kPower>
float moment(const float* in, std::int64_t count, float mean) {
  using Vector = typename Isa::Vector;
  Vector sums[2] = {Isa::zero(), Isa::zero()};
  const Vector shift = Isa::broadcast(-mean);
  std::int64_t k = 0;
  for (; k + 2 * Isa::kLanes <= count; k += 2 * Isa::kLanes) {
    for (int u = 0; u < 2; ++u) {
      const Vector x = Isa::add(Isa::load(in + k + u * Isa::kLanes), shift);
      sums[u] = kPower == 2 ? Isa::fma(x, x, sums[u]) : Isa::add(sums[u], x);
    }
  }
  float sum = Isa::sum(Isa::add(sums[0], sums[1]));
  for (; k < count; ++k) sum += kPower == 2 ? (in[k] - mean) * (in[k] - mean) : in[k] - mean;
  return sum;
}

template <typename Isa>
void normalize(const float* in, std::int64_t count, bool centred, float epsilon, const float* weight,
               const float* bias, float* out) {
  using Vector = typename Isa::Vector;
  const auto size = static_cast<float>(count);
  const float mean = centred ? moment<Isa, 1>(in, count, 0.0F) / size : 0.0F;
  const float scale = 1.0F / __builtin_sqrtf(moment<Isa, 2>(in, count, mean) / size + epsilon);
  const Vector shift = Isa::broadcast(-mean), factor = Isa::broadcast(scale);
  std::int64_t k = 0;
  for (; k + Isa::kLanes <= count; k += Isa::kLanes) {
    Vector x = Isa::multiply(Isa::add(Isa::load(in + k), shift), factor);
    if (weight != nullptr) x = Isa::multiply(x, Isa::load(weight + k));
    if (bias != nullptr) x = Isa::add(x, Isa::load(bias + k));
    Isa::store(out + k, x);
  }
  for (; k < count; ++k) {
    const float x = (in[k] - mean) * scale * (weight != nullptr ? weight[k] : 1.0F);
    out[k] = x + (bias != nullptr ? bias[k] : 0.0F);
  }
}

/// kVectors vectors of the state's columns.
template <typename Isa, int kVectors>
void scan_columns(const Kernels::Scan& scan, std::int64_t first, const float* x, float* out) {
  using Vector = typename Isa::Vector;
  const Vector decay = Isa::broadcast(scan.decay);
  Vector in[kVectors], sums[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const Vector values = Isa::load(x + first + v * Isa::kLanes);
    in[v] = Isa::multiply(values, Isa::broadcast(scan.step));
    sums[v] = Isa::multiply(values, Isa::broadcast(scan.skip));
  }
  float* row = scan.state + first;
  for (std::int64_t i = 0; i < scan.rows; ++i, row += scan.columns) {
    const Vector b = Isa::broadcast(scan.b[i]), c = Isa::broadcast(scan.c[i]);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      float* at = row + v * Isa::kLanes;
      const Vector state = Isa::fma(b, in[v], Isa::multiply(decay, Isa::load(at)));
      Isa::store(at, state);
      sums[v] = Isa::fma(c, state, sums[v]);
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) Isa::store(out + first + v * Isa::kLanes, sums[v]);
}

template <typename Isa>
void scan(const Kernels::Scan& scan, const float* x, float* out) {
  std::int64_t j = 0;
  for (; j + 4 * Isa::kLanes <= scan.columns; j += 4 * Isa::kLanes) scan_columns<Isa, 4>(scan, j, x, out);
  for (; j + Isa::kLanes <= scan.columns; j += Isa::kLanes) scan_columns<Isa, 1>(scan, j, x, out);
  for (; j < scan.columns; ++j) {
    float sum = scan.skip * x[j];
    for (std::int64_t i = 0; i < scan.rows; ++i) {
      float& cell = scan.state[i * scan.columns + j];
      cell = scan.decay * cell + scan.step * scan.b[i] * x[j];
      sum += scan.c[i] * cell;
    }
    out[j] = sum;
  }
}

/// The table for an instruction set whose words are float32.
template <typename Isa>
constexpr Kernels table(const char* name) {
  return {name,
          multiply_few<Isa>,
          2 * Isa::kLanes,
          Isa::kTileTokens,
          Isa::kDepth,
          Isa::kBf16Words,
          pack_panel<Isa>,
          pack_tile<Isa>,
          multiply_tile<Isa>,
          multiply_small<Isa>,
          sigmoid_gate<Isa>,
          exponentials<Isa>,
          normalize<Isa>,
          scan<Isa>};
}

}  // namespace
}  // namespace mhub::runtime
