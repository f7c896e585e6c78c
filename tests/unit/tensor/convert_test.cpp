// SPDX-License-Identifier: Apache-2.0
// Casts: every 16-bit and 8-bit pattern, and the rounding that torch does.
#include "mhub/tensor/convert.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include <boost/test/unit_test.hpp>

using namespace mhub;

namespace {

/// The nearest of two neighbours by definition, ties to the even pattern: the specification of a narrowing
/// cast.
template <typename Decode>
bool is_nearest(float value, std::uint16_t bits, Decode decode) {
  const double got = decode(bits);
  if (std::isinf(got)) return true;  // overflow is checked apart
  const double error = std::fabs(got - static_cast<double>(value));
  for (const int step : {-1, 1}) {
    const auto other = static_cast<std::uint16_t>(bits + step);
    if (((other ^ bits) & 0x8000) != 0) continue;
    const double neighbour = decode(other);
    if (!std::isfinite(neighbour)) continue;
    const double other_error = std::fabs(neighbour - static_cast<double>(value));
    if (other_error < error || (other_error == error && (bits & 1) != 0)) return false;
  }
  return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(sixteen_bit_patterns_survive) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    const float half = f16_to_float(pattern), brain = bf16_to_float(pattern);
    if (std::isnan(half)) {
      BOOST_REQUIRE(std::isnan(f16_to_float(float_to_f16(half))));
    } else {
      BOOST_REQUIRE_EQUAL(float_to_f16(half), pattern);
    }
    if (std::isnan(brain)) {
      BOOST_REQUIRE(std::isnan(bf16_to_float(float_to_bf16(brain))));
    } else {
      BOOST_REQUIRE_EQUAL(float_to_bf16(brain), pattern);
    }
  }
}

BOOST_AUTO_TEST_CASE(narrowing_rounds_to_nearest_even) {
  std::mt19937 random(1);
  for (int k = 0; k < 500000; ++k) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (!std::isfinite(value)) continue;
    BOOST_REQUIRE(is_nearest(value, float_to_bf16(value), bf16_to_float));
    if (std::fabs(value) < 65520.0F) BOOST_REQUIRE(is_nearest(value, float_to_f16(value), f16_to_float));
    if (std::fabs(value) >= 65520.0F) BOOST_REQUIRE(std::isinf(f16_to_float(float_to_f16(value))));
  }
  for (int k = 0; k < 200000; ++k) {  // the range where half is subnormal
    const float value = std::ldexp(static_cast<float>(random() & 0xffffff), -49);
    BOOST_REQUIRE(is_nearest(value, float_to_f16(value), f16_to_float));
  }
}

BOOST_AUTO_TEST_CASE(eight_bit_floats) {
  BOOST_TEST(f8_e4m3_to_float(0x7e) == 448.0F);
  BOOST_TEST(f8_e4m3_to_float(0x01) == std::ldexp(1.0F, -9));
  BOOST_TEST(std::isnan(f8_e4m3_to_float(0xff)));
  BOOST_TEST(f8_e5m2_to_float(0x7b) == 57344.0F);
  BOOST_TEST(f8_e5m2_to_float(0xfc) == -INFINITY);
  BOOST_TEST(std::isnan(f8_e5m2_to_float(0x7d)));
  BOOST_TEST(f8_e8m0_to_float(127) == 1.0F);
  BOOST_TEST(f8_e8m0_to_float(0) == std::ldexp(1.0F, -127));
  BOOST_TEST(std::isnan(f8_e8m0_to_float(255)));
}

BOOST_AUTO_TEST_CASE(arrays_are_cast_element_by_element) {
  const std::vector<float> source{1.0F, -2.5F, 3.14159F, 1e30F, 0.0F};
  std::vector<std::uint16_t> brain(source.size());
  std::vector<double> wide(source.size());
  convert_elements(DType::f32, reinterpret_cast<const std::byte*>(source.data()), DType::bf16,
                   reinterpret_cast<std::byte*>(brain.data()), source.size());
  convert_elements(DType::bf16, reinterpret_cast<const std::byte*>(brain.data()), DType::f64,
                   reinterpret_cast<std::byte*>(wide.data()), source.size());
  for (std::size_t k = 0; k < source.size(); ++k) {
    BOOST_TEST(brain[k] == float_to_bf16(source[k]));
    BOOST_TEST(wide[k] == static_cast<double>(bf16_to_float(brain[k])));
  }
  BOOST_TEST(!can_convert(DType::i64, DType::f32));
  BOOST_TEST(can_convert(DType::i64, DType::i64));
  BOOST_TEST(can_convert(DType::f8_e4m3, DType::bf16));
  BOOST_TEST(!can_convert(DType::f32, DType::f8_e4m3));
}
