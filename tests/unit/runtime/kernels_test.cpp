// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/kernels.hpp"

#include <cmath>

#include <boost/test/unit_test.hpp>

#include "runtime/random_values.hpp"

BOOST_AUTO_TEST_SUITE(kernels)

using namespace mhub;
using namespace mhub::runtime;
using mhub::tests::as_floats;
using mhub::tests::as_type;
using mhub::tests::random_values;

namespace {

constexpr std::array kTypes{DType::f32, DType::f16, DType::bf16};

/// Every table of this processor and the type of weights that it takes.
std::vector<std::pair<const Kernels*, DType>> tables_and_types() {
  std::vector<std::pair<const Kernels*, DType>> list;
  for (const Kernels* table : available_kernels()) {
    for (const DType type : kTypes) {
      if (!table->bf16_words || type == DType::bf16) list.emplace_back(table, type);
    }
  }
  return list;
}

/// Sums of products in double precision: out[t][r].
std::vector<double> products(const std::vector<float>& weight, std::int64_t rows,
                             const std::vector<float>& in, std::int64_t tokens, std::int64_t columns) {
  std::vector<double> out;
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t r = 0; r < rows; ++r) {
      double sum = 0;
      for (std::int64_t c = 0; c < columns; ++c)
        sum += static_cast<double>(weight[static_cast<std::size_t>(r * columns + c)]) *
               static_cast<double>(in[static_cast<std::size_t>(t * columns + c)]);
      out.push_back(sum);
    }
  }
  return out;
}

double worst(const std::vector<float>& found, const std::vector<double>& expected) {
  double difference = 0;
  BOOST_REQUIRE_EQUAL(found.size(), expected.size());
  for (std::size_t k = 0; k < found.size(); ++k)
    difference = std::max(difference, std::abs(static_cast<double>(found[k]) - expected[k]));
  return difference;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_portable_table_is_always_there) {
  BOOST_TEST_REQUIRE(!available_kernels().empty());
  BOOST_TEST(available_kernels().front() == &portable_kernels());
  BOOST_TEST(!best_kernels().bf16_words);
  for (const Kernels* table : available_kernels()) BOOST_TEST_MESSAGE("tested here: " << table->name);
}

BOOST_AUTO_TEST_CASE(few_tokens) {
  for (const auto& [table, type] : tables_and_types()) {
    for (const std::int64_t columns : {1, 7, 16, 63, 64, 200, 1031}) {
      for (std::int64_t tokens = 1; tokens <= Kernels::kFew; ++tokens) {
        constexpr std::int64_t kRows = 5;
        const auto stored = as_type(random_values(kRows * columns, 1), type);
        const auto in = random_values(tokens * columns, 2);
        std::vector<float> out(static_cast<std::size_t>(tokens * kRows), 0.5F);
        table->multiply_few({stored.data(), columns, type, kRows, columns}, in.data(), columns, tokens,
                            out.data(), kRows, Kernels::Walk::in_order);
        for (float& value : out) value -= 0.5F;  // it adds
        const double difference = worst(out, products(as_floats(stored, type), kRows, in, tokens, columns));
        BOOST_TEST(difference < 2e-4, table->name << " " << torch_name(type) << " columns " << columns
                                                  << " tokens " << tokens << ": " << difference);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(walks_give_the_same_bits) {
  for (const auto& [table, type] : tables_and_types()) {
    for (const std::int64_t columns : {1, 16, 63, 64, 200, 1031}) {
      for (const auto& [rows, tokens] : {std::pair(1, 1), {3, 1}, {4, 1}, {9, 1}, {5, 2}, {4, 8}}) {
        const auto stored = as_type(random_values(rows * columns, 1), type);
        const auto in = random_values(tokens * columns, 2);
        std::array<std::vector<float>, Kernels::kWalks> out;
        for (std::size_t k = 0; k < out.size(); ++k) {
          out[k].assign(static_cast<std::size_t>(rows * tokens), 0.5F);
          table->multiply_few({stored.data(), columns, type, rows, columns}, in.data(), columns, tokens,
                              out[k].data(), rows, static_cast<Kernels::Walk>(k));
          BOOST_TEST(out[k] == out[0], boost::test_tools::per_element());
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(rows_with_a_stride) {
  for (const auto& [table, type] : tables_and_types()) {
    constexpr std::int64_t kStride = 50, kColumns = 33, kRows = 4;
    const auto stored = as_type(random_values(kStride * kRows, 3), type);
    const auto floats = as_floats(stored, type);
    const auto in = random_values(kColumns, 4);
    std::vector<float> out(kRows), expected(kRows);
    table->multiply_few({stored.data(), kStride, type, kRows, kColumns}, in.data(), kColumns, 1, out.data(),
                        1, Kernels::Walk::in_order);
    portable_kernels().multiply_few({floats.data(), kStride, DType::f32, kRows, kColumns}, in.data(),
                                    kColumns, 1, expected.data(), 1, Kernels::Walk::in_order);
    for (std::size_t r = 0; r < out.size(); ++r) BOOST_TEST(std::abs(out[r] - expected[r]) < 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(panels_and_tiles) {
  for (const auto& [table, type] : tables_and_types()) {
    for (const std::int64_t columns : {std::int64_t{1}, std::int64_t{15}, std::int64_t{33}, std::int64_t{100},
                                       table->depth - 1, table->depth}) {
      for (const std::int64_t rows : {std::int64_t{1}, table->panel_rows - 3, table->panel_rows}) {
        for (std::int64_t tokens = 1; tokens <= table->tile_tokens; ++tokens) {
          const auto stored = as_type(random_values(rows * columns, 5), type);
          auto in = random_values(tokens * columns, 6);
          std::vector<float> panel(static_cast<std::size_t>(table->panel_rows * table->depth), NAN);
          std::vector<float> tile(static_cast<std::size_t>(table->tile_tokens * table->depth), NAN);
          std::vector<float> sums(static_cast<std::size_t>(tokens * table->panel_rows), 0.25F);
          table->pack_panel({stored.data(), columns, type, rows, columns}, panel.data());
          table->pack_tile(in.data(), columns, tokens, columns, tile.data());
          // Fetching ahead, of the same weights here, changes nothing.
          const auto size = static_cast<std::int64_t>(size_of(type));
          const Kernels::Ahead ahead{stored.data(), columns * size, tokens % 2 * rows, size};
          table->multiply_tile(panel.data(), tile.data(), tokens, columns, sums.data(), table->panel_rows,
                               ahead);
          if (table->bf16_words) in = as_floats(as_type(in, DType::bf16), DType::bf16);
          std::vector<float> out;
          for (std::int64_t t = 0; t < tokens; ++t) {
            for (std::int64_t r = 0; r < table->panel_rows; ++r) {
              const float value = sums[static_cast<std::size_t>(t * table->panel_rows + r)] - 0.25F;
              if (r < rows) out.push_back(value);
              if (r >= rows) BOOST_TEST(value == 0.0F);
            }
          }
          const double difference = worst(out, products(as_floats(stored, type), rows, in, tokens, columns));
          BOOST_TEST(difference < 2e-4, table->name << " " << torch_name(type) << " columns " << columns
                                                    << " rows " << rows << " tokens " << tokens << ": "
                                                    << difference);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(small_products) {
  for (const Kernels* table : available_kernels()) {
    for (const std::int64_t rows : {1, 3, 4, 9}) {
      for (const std::int64_t columns : {1, 8, 40, 64, 129}) {
        constexpr std::int64_t kDepth = 21;
        const auto a = random_values(rows * kDepth, 7), b = random_values(kDepth * columns, 8);
        std::vector<float> out(static_cast<std::size_t>(rows * columns), 1.0F), expected = out;
        table->multiply_small(a.data(), kDepth, rows, b.data(), columns, kDepth, columns, out.data(),
                              columns);
        for (std::int64_t i = 0; i < rows * columns; ++i) {
          for (std::int64_t k = 0; k < kDepth; ++k) {
            expected[static_cast<std::size_t>(i)] += a[static_cast<std::size_t>(i / columns * kDepth + k)] *
                                                     b[static_cast<std::size_t>(k * columns + i % columns)];
          }
        }
        for (std::size_t k = 0; k < out.size(); ++k)
          BOOST_TEST(std::abs(out[k] - expected[k]) < 1e-4, table->name << " " << rows << " x " << columns);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(element_functions) {
  for (const Kernels* table : available_kernels()) {
    for (const std::int64_t count : {1, 5, 16, 37, 300}) {
      const auto in = random_values(count, 9, 5.0F);
      auto out = in;
      table->sigmoid_gate(in.data(), count, 1.5957691F, 0.07135482F, out.data());
      for (std::size_t k = 0; k < in.size(); ++k) {
        const double x = static_cast<double>(in[k]);
        const double expected = 0.5 * x * (1 + std::tanh(0.7978845608 * (x + 0.044715 * x * x * x)));
        BOOST_TEST(std::abs(static_cast<double>(out[k]) - expected) < 2e-6 * (1 + std::abs(x)), table->name);
      }
      out = in;
      const float sum = table->exponentials(out.data(), count, 25.0F);
      double expected_sum = 0;
      for (std::size_t k = 0; k < in.size(); ++k) {
        const double expected = std::exp(static_cast<double>(in[k] - 25.0F));
        expected_sum += expected;
        BOOST_TEST(std::abs(static_cast<double>(out[k]) - expected) < 1e-6 * expected + 1e-37, table->name);
      }
      BOOST_TEST(std::abs(static_cast<double>(sum) - expected_sum) < 1e-5 * expected_sum, table->name);
    }
  }
}

BOOST_AUTO_TEST_CASE(extreme_arguments_stay_finite) {
  for (const Kernels* table : available_kernels()) {
    const std::vector<float> in{-1e30F, -200.0F, -0.0F, 200.0F, 1e30F};
    std::vector<float> out(in.size());
    table->sigmoid_gate(in.data(), 5, 1.0F, 0.0F, out.data());
    for (const float value : out) BOOST_TEST(std::isfinite(value), table->name);
    BOOST_TEST(out[3] == 200.0F, table->name);
    BOOST_TEST(out[4] == 1e30F, table->name);
    BOOST_TEST(std::abs(out[1]) < 1e-30F, table->name);
  }
}

BOOST_AUTO_TEST_CASE(scans) {
  for (const Kernels* table : available_kernels()) {
    for (const std::int64_t columns : {1, 8, 17, 64, 100}) {
      constexpr std::int64_t kRows = 5;
      const auto before = random_values(kRows * columns, 13), x = random_values(columns, 14),
                 b = random_values(kRows, 15), c = random_values(kRows, 16);
      auto state = before;
      std::vector<float> out(x.size(), NAN);
      table->scan({state.data(), kRows, columns, 0.7F, 1.3F, -0.4F, b.data(), c.data()}, x.data(),
                  out.data());
      for (std::size_t j = 0; j < x.size(); ++j) {
        double sum = -0.4 * static_cast<double>(x[j]);
        for (std::size_t i = 0; i < b.size(); ++i) {
          const std::size_t at = i * x.size() + j;
          const double cell = 0.7 * static_cast<double>(before[at]) +
                              1.3 * static_cast<double>(b[i]) * static_cast<double>(x[j]);
          BOOST_TEST(std::abs(static_cast<double>(state[at]) - cell) < 1e-5, table->name);
          sum += static_cast<double>(c[i]) * cell;
        }
        BOOST_TEST(std::abs(static_cast<double>(out[j]) - sum) < 1e-5, table->name << " " << columns);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(norms) {
  for (const Kernels* table : available_kernels()) {
    for (const std::int64_t count : {1, 13, 64, 100}) {
      const auto in = random_values(count, 10, 3.0F), weight = random_values(count, 11),
                 bias = random_values(count, 12);
      for (const bool centred : {false, true}) {
        double mean = 0, variance = 0;
        for (const float x : in) mean += static_cast<double>(x) / static_cast<double>(count);
        if (!centred) mean = 0;
        for (const float x : in)
          variance += std::pow(static_cast<double>(x) - mean, 2) / static_cast<double>(count);
        std::vector<float> plain(in.size()), full(in.size());
        table->normalize(in.data(), count, centred, 1e-3F, nullptr, nullptr, plain.data());
        table->normalize(in.data(), count, centred, 1e-3F, weight.data(), bias.data(), full.data());
        for (std::size_t k = 0; k < in.size(); ++k) {
          const double expected = (static_cast<double>(in[k]) - mean) / std::sqrt(variance + 1e-3);
          BOOST_TEST(std::abs(static_cast<double>(plain[k]) - expected) < 1e-5, table->name);
          BOOST_TEST(std::abs(static_cast<double>(full[k]) - (expected * static_cast<double>(weight[k]) +
                                                              static_cast<double>(bias[k]))) < 1e-5,
                     table->name);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
