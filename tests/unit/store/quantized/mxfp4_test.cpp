// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <boost/test/unit_test.hpp>

#include "mhub/store/quantized/quantized.hpp"
#include "mhub/tensor/convert.hpp"
#include "store/quantized/memory_tensor.hpp"

BOOST_AUTO_TEST_SUITE(mxfp4_tests)

using namespace mhub;
using namespace mhub::tests;

namespace {

constexpr std::array<float, 16> kE2m1{0.0F,  0.5F,  1.0F,  1.5F,  2.0F,  3.0F,  4.0F,  6.0F,
                                      -0.0F, -0.5F, -1.0F, -1.5F, -2.0F, -3.0F, -4.0F, -6.0F};

void check_refused(std::vector<StoredTensor> tensors, const std::string& part) {
  BOOST_CHECK_EXCEPTION(decode_mxfp4(TensorSource(std::move(tensors))), InputError,
                        [&](const InputError& error) {
                          BOOST_TEST_INFO(error.what());
                          return std::string(error.what()).find(part) != std::string::npos;
                        });
}

}  // namespace

BOOST_AUTO_TEST_CASE(low_nibble_first_and_turned) {
  // 2 experts, 3 rows, 2 groups of 32 values.
  std::vector<std::uint8_t> blocks(2 * 3 * 2 * 16), scales(2 * 3 * 2);
  for (std::size_t k = 0; k < blocks.size(); ++k) blocks[k] = static_cast<std::uint8_t>(73 * k + 11);
  for (std::size_t k = 0; k < scales.size(); ++k)
    scales[k] = static_cast<std::uint8_t>(k == 5 ? 255 : 23 * k);
  const TensorSource decoded =
      decode_mxfp4(TensorSource({memory_tensor("x_blocks", DType::u8, {2, 3, 2, 16}, blocks),
                                 memory_tensor("x_scales", DType::u8, {2, 3, 2}, scales)}));
  const StoredTensor* tensor = decoded.find("x");
  BOOST_REQUIRE(tensor != nullptr);
  BOOST_TEST(decoded.tensors().size() == 1u);
  BOOST_TEST(tensor->shape == Shape({2, 64, 3}));
  const std::vector<std::uint16_t> found = bf16_bits(*tensor);
  for (std::size_t e = 0; e < 2; ++e) {
    for (std::size_t r = 0; r < 3; ++r) {
      for (std::size_t c = 0; c < 64; ++c) {
        const std::size_t group = (e * 3 + r) * 2 + c / 32;
        const unsigned byte = blocks[group * 16 + c % 32 / 2];
        const float value = kE2m1[c % 2 == 0 ? byte & 15U : byte >> 4];
        const float expected = std::ldexp(value, static_cast<int>(scales[group]) - 127);
        BOOST_TEST(found[(e * 64 + c) * 3 + r] == float_to_bf16(expected),
                   "expert " << e << " row " << r << " column " << c);
      }
    }
  }
  // In the order of the file, from any element on.
  const ByteSource& bytes = *tensor->chunks[0].bytes;
  std::vector<std::byte> all(bytes.size()), part(67);
  bytes.read(0, all);
  bytes.read(63, part);
  BOOST_TEST(std::equal(part.begin(), part.end(), all.begin() + 63));
}

BOOST_AUTO_TEST_CASE(incomplete_pairs_are_refused) {
  const std::vector<std::uint8_t> bytes(64);
  const StoredTensor blocks = memory_tensor("x_blocks", DType::u8, {1, 2, 2, 16}, bytes);
  check_refused({blocks}, "x_scales");
  check_refused({memory_tensor("x_scales", DType::u8, {1, 2, 2}, std::vector<std::uint8_t>(4))}, "x_blocks");
  check_refused({blocks, memory_tensor("x_scales", DType::u8, {1, 4}, std::vector<std::uint8_t>(4))},
                "[1, 2, 2]");
  check_refused({memory_tensor("x_blocks", DType::u8, {1, 2, 4, 8}, bytes),
                 memory_tensor("x_scales", DType::u8, {1, 2, 4}, std::vector<std::uint8_t>(8))},
                "[experts, rows, groups, 16]");
}

BOOST_AUTO_TEST_SUITE_END()
