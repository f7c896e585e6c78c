// SPDX-License-Identifier: Apache-2.0
// Casts: every 16-bit and 8-bit pattern, and the rounding that torch does.
#include "mhub/tensor/convert.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(convert_tests)

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

BOOST_AUTO_TEST_CASE(the_type_that_holds_both) {
  // torch.promote_types, but for 8-bit floats, which have scales beside them
  BOOST_TEST((joined_dtype(DType::bf16, DType::bf16) == DType::bf16));
  BOOST_TEST((joined_dtype(DType::f16, DType::bf16) == DType::f32));
  BOOST_TEST((joined_dtype(DType::f32, DType::bf16) == DType::f32));
  BOOST_TEST((joined_dtype(DType::f16, DType::f64) == DType::f64));
  BOOST_TEST((joined_dtype(DType::i64, DType::i64) == DType::i64));
  for (const DType odd : {DType::f8_e4m3, DType::i64, DType::u8, DType::c64}) {
    BOOST_TEST(!joined_dtype(odd, DType::f32).has_value());
    BOOST_TEST(!joined_dtype(DType::f32, odd).has_value());
  }
}

BOOST_AUTO_TEST_CASE(what_a_cast_loses) {
  std::vector<float> source(1000, 1.0F);
  source[3] = 65519.0F;  // rounds to the largest half
  source[4] = 65520.0F;
  source[600] = -1e30F;
  source[7] = INFINITY;
  source[8] = NAN;
  source[9] = 0.0F;
  source[10] = -0.0F;
  source[700] = 2e-8F;   // beyond half of the least subnormal
  source[701] = -4e-8F;  // rounds to it
  const auto* from = reinterpret_cast<const std::byte*>(source.data());
  std::vector<std::byte> result(2 * source.size());
  convert_elements(DType::f32, from, DType::f16, result.data(), source.size());
  const CastLosses half = losses_of_cast(DType::f32, from, DType::f16, result.data(), source.size(), 0);
  BOOST_TEST(half.to_infinity == 2u);
  BOOST_TEST(half.to_zero == 1u);
  BOOST_TEST(half.largest == static_cast<double>(1e30F));
  convert_elements(DType::f32, from, DType::bf16, result.data(), source.size());
  const CastLosses brain = losses_of_cast(DType::f32, from, DType::bf16, result.data(), source.size(), 0);
  BOOST_TEST(brain.to_infinity == 0u);
  BOOST_TEST(brain.to_zero == 0u);
  add_to_elements(DType::f32, from, DType::f16, result.data(), 3, 1e6);
  BOOST_TEST(losses_of_cast(DType::f32, from, DType::f16, result.data(), 3, 1e6).to_infinity == 3u);
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

BOOST_AUTO_TEST_SUITE_END()
