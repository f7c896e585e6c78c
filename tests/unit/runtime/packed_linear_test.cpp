// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/packed_linear.hpp"

#include <algorithm>
#include <cmath>

#include <boost/test/unit_test.hpp>

#include "mhub/runtime/cpu/scratch.hpp"
#include "runtime/random_values.hpp"

BOOST_AUTO_TEST_SUITE(packed_linear)

using namespace mhub;
using namespace mhub::runtime;
using mhub::tests::as_floats;
using mhub::tests::as_type;
using mhub::tests::random_values;

namespace {

/// A matrix in blocks of one type, each with memory and a row stride of its own.
struct BlockMatrix {
  WeightView view;
  std::vector<std::vector<std::byte>> memory;

  BlockMatrix(const std::vector<std::int64_t>& row_counts, const std::vector<std::int64_t>& column_counts,
              DType type) {
    constexpr std::int64_t kPadding = 3;
    for (const std::int64_t rows : row_counts) {
      std::int64_t column = 0;
      for (const std::int64_t columns : column_counts) {
        const std::int64_t stride = columns + kPadding;
        memory.push_back(as_type(random_values(rows * stride, static_cast<unsigned>(memory.size())), type));
        view.blocks.push_back({view.rows, rows, column, columns, memory.back().data(), stride, type});
        column += columns;
      }
      view.rows += rows;
      view.columns = column;
    }
  }

  /// The whole matrix, dense.
  std::vector<float> dense() const {
    std::vector<float> all(static_cast<std::size_t>(view.rows * view.columns));
    for (std::size_t k = 0; k < view.blocks.size(); ++k) {
      const WeightBlock& block = view.blocks[k];
      const std::vector<float> values = as_floats(memory[k], block.dtype);
      for (std::int64_t r = 0; r < block.rows; ++r)
        std::copy_n(values.data() + r * block.row_stride, block.columns,
                    all.data() + (block.row + r) * view.columns + block.column);
    }
    return all;
  }
};

/// The largest error of out = before + in * weight^T + bias, against sums in double precision.
double worst(const BlockMatrix& weight, const std::vector<float>& in, const std::vector<float>& bias,
             float before, const std::vector<float>& out) {
  const std::vector<float> dense = weight.dense();
  const std::int64_t rows = weight.view.rows, columns = weight.view.columns;
  double difference = 0;
  for (std::int64_t k = 0; k < static_cast<std::int64_t>(out.size()); ++k) {
    const float* x = in.data() + k / rows * columns;
    const float* w = dense.data() + k % rows * columns;
    double sum = before + (bias.empty() ? 0.0F : bias[static_cast<std::size_t>(k % rows)]);
    for (std::int64_t c = 0; c < columns; ++c) sum += static_cast<double>(x[c]) * static_cast<double>(w[c]);
    difference = std::max(difference, std::abs(sum - static_cast<double>(out[static_cast<std::size_t>(k)])));
  }
  return difference;
}

}  // namespace

// Odd sizes on every side: rows that no panel divides, bands and blocks of columns, more tokens than a block
// of them.
BOOST_AUTO_TEST_CASE(every_table_multiplies_blocks_of_any_size) {
  const std::vector<std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>>> shapes{
      {{1}, {1}}, {{33}, {70}}, {{40, 3, 64}, {17, 50}}, {{300}, {37}}, {{5, 70}, {600, 1}}};
  for (const Kernels* table : available_kernels()) {
    for (const auto& [rows, columns] : shapes) {
      const BlockMatrix weight(rows, columns, DType::bf16);
      for (const std::int64_t tokens : {1, 9, 100, 531}) {
        if (tokens > 100 && weight.view.columns > 100) continue;  // enough was seen
        auto in = random_values(tokens * weight.view.columns, 90);
        if (table->bf16_words) in = as_floats(as_type(in, DType::bf16), DType::bf16);
        const auto bias = random_values(weight.view.rows, 91);
        for (const int threads : {1, 3}) {
          ThreadPool pool(threads);
          PackedLinear linear(pool);
          for (const bool accumulate : {false, true}) {
            std::vector<float> out(static_cast<std::size_t>(tokens * weight.view.rows), 0.5F);
            const Matrix from{in.data(), tokens, weight.view.columns, weight.view.columns};
            const Matrix to{out.data(), tokens, weight.view.rows, weight.view.rows};
            const std::vector<float> offsets = accumulate ? std::vector<float>() : bias;
            linear.run(*table, weight.view, offsets, from, to, accumulate);
            const double difference = worst(weight, in, offsets, accumulate ? 0.5F : 0.0F, out);
            BOOST_TEST(difference < 5e-4, table->name << " rows " << weight.view.rows << " columns "
                                                      << weight.view.columns << " tokens " << tokens
                                                      << " threads " << threads << ": " << difference);
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(scratch_begins_on_a_line_and_is_kept) {
  for (const std::int64_t count : {1, 1000, 700'000, 2'000'000}) {
    const auto floats = allocate_floats(count);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(floats.get()) % 64 == 0U);
    std::fill_n(floats.get(), count, 1.0F);
  }
  Scratch scratch;
  float* large = scratch.reserve(1000);
  BOOST_TEST(scratch.reserve(10) == large);
  BOOST_TEST(scratch.data() == large);
  std::fill_n(scratch.reserve(5000), 5000, 1.0F);
}

BOOST_AUTO_TEST_SUITE_END()
