// SPDX-License-Identifier: Apache-2.0
// Adding a constant: rounded once, and what does not come back bit for bit is found.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "mhub/tensor/convert.hpp"

BOOST_AUTO_TEST_SUITE(offset_tests)

using namespace mhub;

namespace {

template <typename T>
const std::byte* bytes(const std::vector<T>& values) {
  return reinterpret_cast<const std::byte*>(values.data());
}
template <typename T>
std::byte* bytes(std::vector<T>& values) {
  return reinterpret_cast<std::byte*>(values.data());
}

/// Whether one value survives `added` in type `to`.
template <typename T>
bool exact(DType from, T value, DType to, double added) {
  return first_inexact(from, bytes(std::vector<T>{value}), to, 1, added) == 1;
}

bool exact_bf16(float value, DType to) { return exact(DType::bf16, float_to_bf16(value), to, -1.0); }

}  // namespace

BOOST_AUTO_TEST_CASE(sums_are_rounded_once) {
  const std::vector<float> source{1.0F, 0.5F, -3.25F, 1.0F + std::numeric_limits<float>::epsilon()};
  std::vector<float> sums(4);
  add_to_elements(DType::f32, bytes(source), DType::f32, bytes(sums), 4, -1.0);
  BOOST_TEST(sums == (std::vector<float>{0.0F, -0.5F, -4.25F, std::numeric_limits<float>::epsilon()}),
             boost::test_tools::per_element());
  std::vector<std::uint16_t> narrow(4);
  add_to_elements(DType::f32, bytes(source), DType::bf16, bytes(narrow), 4, -1.0);
  for (std::size_t k = 0; k < 4; ++k) BOOST_TEST(narrow[k] == float_to_bf16(sums[k]));
}

BOOST_AUTO_TEST_CASE(blocks_have_no_seams) {
  std::vector<float> source(2000), sums(2000);
  for (std::size_t k = 0; k < source.size(); ++k) source[k] = static_cast<float>(k) / 64;
  add_to_elements(DType::f32, bytes(source), DType::f32, bytes(sums), source.size(), 2.0);
  for (std::size_t k = 0; k < source.size(); ++k) BOOST_REQUIRE_EQUAL(sums[k], source[k] + 2);
  BOOST_TEST(first_inexact(DType::f32, bytes(source), DType::f32, source.size(), 2.0) == source.size());
  source[1234] = 1e-30F;
  BOOST_TEST(first_inexact(DType::f32, bytes(source), DType::f32, source.size(), 2.0) == 1234U);
}

BOOST_AUTO_TEST_CASE(every_bf16_minus_one_is_exact_where_the_type_is_wide_enough) {
  // Minus one, bf16 keeps all values from 0.5 on and f32 all from 2^-17 on (8 bits down to 2^-24).
  for (std::uint32_t bits = 0; bits < 0x7f80; ++bits) {
    const float value = bf16_to_float(static_cast<std::uint16_t>(bits));
    if (value >= 0.5F && value < 256) BOOST_REQUIRE(exact_bf16(value, DType::bf16));
    if (value >= 0x1p-17F && value < 0x1p23F) BOOST_REQUIRE(exact_bf16(value, DType::f32));
    if (value >= 0x1p-45F && value < 0x1p52F) BOOST_REQUIRE(exact_bf16(value, DType::f64));
  }
  BOOST_TEST(!exact_bf16(0.498046875F, DType::bf16));
  BOOST_TEST(!exact_bf16(1.0078125F * 0x1p-18F, DType::f32));
  // 1000 comes back from bf16 by rounding, but what would be stored in between is not 999.
  BOOST_TEST(!exact_bf16(1000, DType::bf16));
}

BOOST_AUTO_TEST_CASE(what_has_no_sum_is_found) {
  BOOST_TEST(!exact(DType::f32, -0.0F, DType::f32, -1.0));  // comes back as +0
  BOOST_TEST(exact(DType::f32, 0.0F, DType::f32, -1.0));
  BOOST_TEST(!exact(DType::f32, std::numeric_limits<float>::quiet_NaN(), DType::f64, -1.0));
  BOOST_TEST(exact(DType::f32, std::numeric_limits<float>::infinity(), DType::f32, -1.0));
  const float odd = std::nextafter(0.25F, 1.0F);  // its last bit is 2^-25, that of sums above 0.5 is 2^-24
  BOOST_TEST(!exact(DType::f32, odd, DType::f32, -1.0));
  BOOST_TEST(exact(DType::f32, odd, DType::f64, -1.0));
  BOOST_TEST(!exact(DType::f64, 0.3, DType::f64, -1.0));
}

BOOST_AUTO_TEST_SUITE_END()
