// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/device/element.hpp"

#include <cmath>
#include <cstring>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "mhub/runtime/device/device_weights.hpp"
#include "mhub/tensor/convert.hpp"
#include "runtime/random_values.hpp"

BOOST_AUTO_TEST_SUITE(element)

using namespace mhub;
using namespace mhub::runtime;

namespace {

std::vector<std::uint16_t> all_words() {
  std::vector<std::uint16_t> words(1 << 16);
  for (std::size_t k = 0; k < words.size(); ++k) words[k] = static_cast<std::uint16_t>(k);
  return words;
}

/// Numbers of all sizes, and those half way between two numbers of a 16-bit type.
std::vector<float> difficult() {
  std::vector<float> values{0.0F,     -0.0F, INFINITY,    -INFINITY, NAN,  65519.9F,
                            65520.0F, 1e-8F, 2.98023e-8F, 6e-5F,     1e38F};
  for (int exponent = -45; exponent < 39; ++exponent) {
    for (const float value : tests::random_values(200, static_cast<unsigned>(exponent + 100)))
      values.push_back(value * std::pow(10.0F, static_cast<float>(exponent)));
  }
  for (std::uint32_t k = 0; k < (1U << 16); k += 7) {
    for (const std::uint32_t low : {0U, 0x7fffU, 0x8000U, 0x8001U}) values.push_back(float_of(k << 16 | low));
  }
  for (std::uint16_t half = 1; half < 0x7c00; half = static_cast<std::uint16_t>(half + 13))
    values.push_back(0.5F * (float_of_f16(half) + float_of_f16(static_cast<std::uint16_t>(half - 1))));
  return values;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_16_bit_number_is_read_as_the_core_reads_it) {
  const auto words = all_words();
  for (const Element element : {Element::f16, Element::bf16}) {
    std::vector<float> expected(words.size());
    convert_elements(dtype_of(element), reinterpret_cast<const std::byte*>(words.data()), DType::f32,
                     reinterpret_cast<std::byte*>(expected.data()), words.size());
    std::size_t different = 0;
    for (std::size_t k = 0; k < words.size(); ++k) {
      const float found = load(words.data(), element, static_cast<std::int64_t>(k));
      different += std::isnan(expected[k]) ? !std::isnan(found) : bits_of(found) != bits_of(expected[k]);
    }
    BOOST_TEST(different == 0U);
  }
}

BOOST_AUTO_TEST_CASE(numbers_are_rounded_as_the_core_rounds_them) {
  const auto values = difficult();
  for (const Element element : {Element::f16, Element::bf16}) {
    const auto expected = tests::as_floats(tests::as_type(values, dtype_of(element)), dtype_of(element));
    std::size_t different = 0;
    for (std::size_t k = 0; k < values.size(); ++k) {
      std::uint16_t word = 0;
      store(&word, element, 0, values[k]);
      const float found = load(&word, element, 0);
      const bool same = std::isnan(expected[k]) ? std::isnan(found) : bits_of(found) == bits_of(expected[k]);
      if (!same) BOOST_TEST_MESSAGE(values[k] << " became " << found << ", expected " << expected[k]);
      different += !same;
    }
    BOOST_TEST(different == 0U);
  }
}

BOOST_AUTO_TEST_SUITE_END()
