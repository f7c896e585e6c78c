// SPDX-License-Identifier: Apache-2.0
#include <random>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "mhub/store/hdf5/chunks.hpp"

BOOST_AUTO_TEST_SUITE(fletcher32_checksum)

using namespace mhub;

namespace {

/// The definition: sums over big-endian words, folded after each so that only zeros give zero.
std::uint32_t by_definition(std::span<const std::byte> data) {
  std::uint32_t first = 0, second = 0;
  auto fold = [](std::uint32_t sum) { return (sum & 0xffff) + (sum >> 16); };
  for (std::size_t at = 0; at < data.size(); at += 2) {
    std::uint32_t word = std::to_integer<std::uint32_t>(data[at]) << 8;
    if (at + 1 < data.size()) word |= std::to_integer<std::uint32_t>(data[at + 1]);
    first = fold(fold(first + word));
    second = fold(fold(second + first));
  }
  return second << 16 | first;
}

}  // namespace

BOOST_AUTO_TEST_CASE(agrees_with_its_definition) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 70'000; size = size < 600 ? size + 1 : size * 3 / 2 + 1) {
    std::vector<std::byte> data(size);
    for (std::byte& one : data) one = static_cast<std::byte>(random());
    BOOST_REQUIRE_EQUAL(fletcher32(data), by_definition(data));
    for (std::byte& one : data) one = std::byte{0xff};  // the largest sums
    BOOST_REQUIRE_EQUAL(fletcher32(data), by_definition(data));
    for (std::byte& one : data) one = std::byte{0};
    BOOST_REQUIRE_EQUAL(fletcher32(data), 0u);
    if (size > 0) data[size / 2] = std::byte{1};
    BOOST_REQUIRE_EQUAL(fletcher32(data), by_definition(data));
  }
}

BOOST_AUTO_TEST_CASE(tells_zero_from_a_multiple_of_the_modulus) {
  // 0xfffe + 1 = 65535: congruent to zero, stored as 0xffff.
  const std::vector<std::byte> data{std::byte{0xff}, std::byte{0xfe}, std::byte{0}, std::byte{1}};
  BOOST_TEST((fletcher32(data) & 0xffff) == 0xffffu);
  BOOST_TEST(fletcher32(data) == by_definition(data));
}

BOOST_AUTO_TEST_SUITE_END()
