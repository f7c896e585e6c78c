// SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "mhub/store/quantized/quantized.hpp"
#include "mhub/tensor/convert.hpp"
#include "store/quantized/memory_tensor.hpp"

BOOST_AUTO_TEST_SUITE(fp8_tests)

using namespace mhub;
using namespace mhub::tests;

namespace {

/// Every bit pattern in turn.
std::vector<std::uint8_t> patterns(std::size_t count) {
  std::vector<std::uint8_t> values(count);
  for (std::size_t k = 0; k < count; ++k) values[k] = static_cast<std::uint8_t>(37 * k + 5);
  return values;
}

StoredTensor weight(const Shape& shape) {
  return memory_tensor("w.weight", DType::f8_e4m3, shape, patterns(static_cast<std::size_t>(numel(shape))));
}

void check_refused(std::vector<StoredTensor> tensors, const std::string& part,
                   const std::optional<ScaleBlock>& block = ScaleBlock{2, 3}) {
  BOOST_CHECK_EXCEPTION(decode_fp8(TensorSource(std::move(tensors)), block), InputError,
                        [&](const InputError& error) {
                          BOOST_TEST_INFO(error.what());
                          return std::string(error.what()).find(part) != std::string::npos;
                        });
}

}  // namespace

BOOST_AUTO_TEST_CASE(last_blocks_are_cut_off) {
  // Blocks of 2 x 3 on [2 matrices, 5 rows, 7 columns]: 3 x 3 scales each.
  std::vector<float> scales(2 * 3 * 3);
  for (std::size_t k = 0; k < scales.size(); ++k) scales[k] = 0.01F * static_cast<float>(k + 1);
  const TensorSource decoded = decode_fp8(
      TensorSource({weight({2, 5, 7}), memory_tensor("w.weight_scale_inv", DType::f32, {2, 3, 3}, scales),
                    memory_tensor("norm", DType::f32, {1}, std::vector<float>{1})}),
      ScaleBlock{2, 3});
  BOOST_TEST(decoded.tensors().size() == 2u);
  const StoredTensor* tensor = decoded.find("w.weight");
  BOOST_REQUIRE(tensor != nullptr);
  BOOST_TEST((tensor->dtype == DType::bf16));
  BOOST_TEST(tensor->shape == Shape({2, 5, 7}));
  const std::vector<std::uint16_t> found = bf16_bits(*tensor);
  const std::vector<std::uint8_t> values = patterns(70);
  for (std::size_t m = 0; m < 2; ++m) {
    for (std::size_t r = 0; r < 5; ++r) {
      for (std::size_t c = 0; c < 7; ++c) {
        const std::size_t at = (m * 5 + r) * 7 + c;
        const float expected = f8_e4m3_to_float(values[at]) * scales[(m * 3 + r / 2) * 3 + c / 3];
        BOOST_TEST(found[at] == float_to_bf16(expected), "element " << at);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(reads_may_begin_and_end_anywhere) {
  const TensorSource decoded = decode_fp8(
      TensorSource({weight({4, 6}),
                    memory_tensor("w.weight_scale_inv", DType::f32, {2, 2}, std::vector<float>{1, 2, 3, 4})}),
      ScaleBlock{2, 3});
  const ByteSource& bytes = *decoded.find("w.weight")->chunks[0].bytes;
  std::vector<std::byte> all(bytes.size());
  bytes.read(0, all);
  BOOST_REQUIRE_EQUAL(all.size(), 48u);
  for (std::size_t begin = 0; begin <= all.size(); ++begin) {
    for (std::size_t end = begin; end <= all.size(); ++end) {
      std::vector<std::byte> part(end - begin);
      bytes.read(begin, part);
      BOOST_TEST(std::equal(part.begin(), part.end(), all.begin() + static_cast<std::ptrdiff_t>(begin)));
    }
  }
  std::vector<std::byte> behind(2);
  BOOST_CHECK_THROW(bytes.read(47, behind), IoError);
}

BOOST_AUTO_TEST_CASE(a_weight_may_have_one_scale) {
  const std::vector<float> scale{0.37F}, input{3};
  for (const Shape& shape : {Shape{}, Shape{1}}) {
    const TensorSource decoded = decode_fp8(
        TensorSource({weight({5, 7}), memory_tensor("w.weight_scale_inv", DType::f32, shape, scale),
                      memory_tensor("w.activation_scale", DType::f32, {}, input)}),
        std::nullopt);
    BOOST_TEST(decoded.tensors().size() == 1u);
    const std::vector<std::uint16_t> found = bf16_bits(*decoded.find("w.weight"));
    const std::vector<std::uint8_t> values = patterns(35);
    for (std::size_t k = 0; k < 35; ++k)
      BOOST_TEST(found[k] == float_to_bf16(f8_e4m3_to_float(values[k]) * scale[0]), "element " << k);
  }
  const std::vector<float> two{1, 2};
  check_refused({weight({5, 7}), memory_tensor("w.weight_scale_inv", DType::f32, {2}, two)},
                "expected one scale", std::nullopt);
  check_refused({weight({2, 5, 7}), memory_tensor("w.weight_scale_inv", DType::f32, {}, scale)}, "two axes",
                std::nullopt);
  check_refused({memory_tensor("w.activation_scale", DType::f32, {}, input)}, "scale of inputs");
}

BOOST_AUTO_TEST_CASE(incomplete_states_are_refused) {
  const std::vector<float> four{1, 2, 3, 4};
  check_refused({weight({4, 6})}, "w.weight_scale_inv");
  check_refused({memory_tensor("w.weight_scale_inv", DType::f32, {2, 2}, four)}, "without an FP8 weight");
  check_refused({weight({4, 6}), memory_tensor("w.weight_scale_inv", DType::f32, {4}, four)},
                "expected shape [2, 2]");
  check_refused({weight({4, 6}), memory_tensor("w.weight_scale_inv", DType::i32, {2, 2}, four)}, "int32");
}

BOOST_AUTO_TEST_SUITE_END()
