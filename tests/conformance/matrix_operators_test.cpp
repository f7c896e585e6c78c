// SPDX-License-Identifier: Apache-2.0
// Operators on matrices against plain loops in double.
#include <cmath>
#include <numeric>

#include <boost/test/unit_test.hpp>

#include "conformance/under_test.hpp"
#include "runtime/random_values.hpp"

using namespace mhub;
using namespace mhub::runtime;
using namespace mhub::tests;

namespace {

using Doubles = std::vector<double>;

Doubles doubles(const std::vector<float>& values) { return {values.begin(), values.end()}; }

constexpr float kAlphaP = 0.75F, kAlphaN = 0.5F;  // of xIELU

double act(ActivationKind kind, double x) {
  switch (kind) {
    case ActivationKind::silu: return x / (1 + std::exp(-x));
    case ActivationKind::gelu: return x / 2 * std::erfc(-x / std::sqrt(2.0));
    case ActivationKind::gelu_tanh:
      return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * std::pow(x, 3))));
    case ActivationKind::quick_gelu: return x / (1 + std::exp(-1.702 * x));
    case ActivationKind::relu: return std::max(x, 0.0);
    case ActivationKind::relu_squared: return std::pow(std::max(x, 0.0), 2);
    case ActivationKind::xielu:
      return x / 2 + (x > 0 ? static_cast<double>(kAlphaP) * x * x
                            : static_cast<double>(kAlphaN) * (std::expm1(x) - x));
    case ActivationKind::identity: break;
  }
  return x;
}

/// Every row normalized, in double.
Doubles normalized(const Norm& norm, const std::vector<float>& in, std::size_t columns) {
  Doubles out = doubles(in);
  for (std::size_t begin = 0; begin < in.size(); begin += columns) {
    double mean = 0, square = 0;
    const auto count = static_cast<double>(columns);
    if (norm.kind == NormKind::layer) {
      for (std::size_t c = 0; c < columns; ++c) mean += out[begin + c] / count;
    }
    for (std::size_t c = 0; c < columns; ++c) square += std::pow(out[begin + c] - mean, 2) / count;
    for (std::size_t c = 0; c < columns; ++c) {
      double& value = out[begin + c];
      value = (value - mean) / std::sqrt(square + norm.epsilon);
      if (!norm.weight.empty()) value *= static_cast<double>(norm.weight[c]);
      if (!norm.bias.empty()) value += static_cast<double>(norm.bias[c]);
    }
  }
  return out;
}

struct LinearCase {
  std::int64_t rows, inputs, outputs;
  DType dtype;
  Precision precision;
  bool bias, accumulate;
};

double linear_deviation(const LinearCase& c) {
  const auto in = random_values(c.rows * c.inputs, 1), before = random_values(c.rows * c.outputs, 2);
  const auto bias = random_values(c.bias ? c.outputs : 0, 3);
  const auto weights =
      weight(random_values(c.outputs * c.inputs, 4), c.outputs, c.inputs, c.dtype, c.precision, 3);
  const Activations x(in, c.rows, c.inputs), y(before, c.rows, c.outputs);
  backend().linear(weights->view, bias, x, y, c.accumulate, c.precision);
  Doubles expected;
  for (std::int64_t t = 0; t < c.rows; ++t) {
    for (std::int64_t n = 0; n < c.outputs; ++n) {
      double sum = c.bias ? static_cast<double>(bias[static_cast<std::size_t>(n)]) : 0;
      if (c.accumulate) sum += static_cast<double>(before[static_cast<std::size_t>(t * c.outputs + n)]);
      for (std::int64_t k = 0; k < c.inputs; ++k)
        sum += static_cast<double>(in[static_cast<std::size_t>(t * c.inputs + k)]) *
               static_cast<double>(weights->values[static_cast<std::size_t>(n * c.inputs + k)]);
      expected.push_back(sum);
    }
  }
  return deviation(y.values(), expected);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(matrix_operators)

BOOST_AUTO_TEST_CASE(it_says_what_it_is) {
  BOOST_TEST_MESSAGE("backend: " << backend().describe());
  BOOST_TEST(!backend().describe().empty());
}

BOOST_AUTO_TEST_CASE(embed_takes_rows) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    const auto table = weight(random_values(7 * 40, 5), 7, 40, dtype, Precision::exact, 2);
    const std::vector<std::int64_t> ids{6, 0, 3, 3};
    for (const bool accumulate : {false, true}) {
      const auto before = random_values(4 * 40, 6);
      const Activations out(before, 4, 40);
      backend().embed(table->view, ids, accumulate, out);
      Doubles expected;
      for (std::size_t t = 0; t < 4; ++t) {
        for (std::size_t c = 0; c < 40; ++c)
          expected.push_back(static_cast<double>(table->values[static_cast<std::size_t>(ids[t]) * 40 + c]) +
                             (accumulate ? static_cast<double>(before[t * 40 + c]) : 0));
      }
      BOOST_TEST(deviation(out.values(), expected) <= kExact);
    }
  }
}

BOOST_AUTO_TEST_CASE(normalize_rows) {
  for (const NormKind kind : {NormKind::rms, NormKind::layer}) {
    for (const bool weighted : {true, false}) {
      for (const bool with_bias : {true, false}) {
        for (const std::int64_t rows : {1, 4, 5}) {
          const std::int64_t columns = 72;
          const Norm norm{kind, 1e-3, random_values(weighted ? columns : 0, 7),
                          random_values(with_bias ? columns : 0, 8)};
          const auto in = random_values(rows * columns, 9, 2.0F);
          const Doubles expected = normalized(norm, in, columns);
          const Activations x(in, rows, columns), y(rows, columns);
          backend().normalize(norm, x, y);
          BOOST_TEST(deviation(y.values(), expected) <= kExact);
          BOOST_TEST(deviation(x.values(), doubles(in)) == 0.0);
          backend().normalize(norm, x.matrix(), x.matrix());
          BOOST_TEST(deviation(x.values(), expected) <= kExact);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(normalize_a_range_of_columns_in_place) {
  const Norm norm{NormKind::rms, 1e-5, random_values(24, 7), {}};
  const auto in = random_values(4 * 40, 9);
  const Activations x(in, 4, 40);
  const Matrix part = x.matrix().slice_columns(8, 24);
  backend().normalize(norm, part, part);
  const auto found = x.values();
  for (std::size_t t = 0; t < 4; ++t) {
    const std::vector<float> row(in.begin() + static_cast<std::ptrdiff_t>(t * 40 + 8),
                                 in.begin() + static_cast<std::ptrdiff_t>(t * 40 + 32));
    BOOST_TEST(deviation(std::span(found).subspan(t * 40 + 8, 24), normalized(norm, row, 24)) <= kExact);
    for (const std::size_t c : {0, 7, 32, 39}) BOOST_TEST(found[t * 40 + c] == in[t * 40 + c]);
  }
}

BOOST_AUTO_TEST_CASE(exact_products) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const std::int64_t rows : {1, 3, 9}) {
      for (const bool bias : {false, true})
        BOOST_TEST(linear_deviation({rows, 40, 24, dtype, Precision::exact, bias, !bias}) <= kExact);
    }
  }
}

BOOST_AUTO_TEST_CASE(fast_products) {
  const double allowed = under_test().rounded;
  for (const std::int64_t rows : {1, 2, 5, 64, 70}) {
    for (const bool bias : {false, true}) {
      for (const bool accumulate : {false, true})
        BOOST_TEST(linear_deviation({rows, 64, 40, under_test().run, Precision::fast, bias, accumulate}) <=
                   allowed);
    }
  }
  BOOST_TEST(linear_deviation({40, 30, 17, under_test().run, Precision::fast, true, false}) <=
             allowed);  // odd sizes
  BOOST_TEST(linear_deviation({3, 64, 40, DType::f32, Precision::fast, true, false}) <=
             allowed);  // another type
}

BOOST_AUTO_TEST_CASE(a_range_of_columns_is_multiplied) {
  const auto in = random_values(4 * 40, 1);
  const auto weights = weight(random_values(8 * 16, 4), 8, 16, under_test().run, Precision::fast);
  const Activations x(in, 4, 40), y(4, 8);
  backend().linear(weights->view, {}, x.matrix().slice_columns(16, 16), y, false, Precision::fast);
  Doubles expected;
  for (std::size_t t = 0; t < 4; ++t) {
    for (std::size_t n = 0; n < 8; ++n) {
      double sum = 0;
      for (std::size_t k = 0; k < 16; ++k)
        sum += static_cast<double>(in[t * 40 + 16 + k]) * static_cast<double>(weights->values[n * 16 + k]);
      expected.push_back(sum);
    }
  }
  BOOST_TEST(deviation(y.values(), expected) <= under_test().rounded);
}

BOOST_AUTO_TEST_CASE(activations) {
  for (const auto kind : {ActivationKind::silu, ActivationKind::gelu, ActivationKind::gelu_tanh,
                          ActivationKind::quick_gelu, ActivationKind::relu, ActivationKind::relu_squared,
                          ActivationKind::identity, ActivationKind::xielu}) {
    for (const bool gated : {false, true}) {
      for (const float clamp : {0.0F, 1.5F}) {
        if (clamp > 0 && !gated) continue;
        const std::size_t rows = 3, columns = 50;
        const Activation activation{kind, gated, clamp, gated ? 0.25F : 0.0F, kAlphaP, kAlphaN};
        const auto in = random_values(static_cast<std::int64_t>(rows * columns * (gated ? 2 : 1)), 11, 2.0F);
        const Activations x(in, 3, gated ? 100 : 50), y(3, 50);
        backend().activate(activation, x, y);
        Doubles expected;
        for (std::size_t r = 0; r < rows; ++r) {
          for (std::size_t c = 0; c < columns; ++c) {
            double gate = static_cast<double>(in[r * columns * (gated ? 2 : 1) + c]), factor = 1;
            if (gated) {
              double up = static_cast<double>(in[r * columns * 2 + columns + c]);
              if (clamp > 0) {
                gate = std::min(gate, static_cast<double>(clamp));
                up = std::max(-static_cast<double>(clamp), std::min(up, static_cast<double>(clamp)));
              }
              factor = up + 0.25;
            }
            expected.push_back(act(kind, gate) * factor);
          }
        }
        BOOST_TEST(deviation(y.values(), expected) <= kExact);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(element_by_element) {
  const std::int64_t rows = 3, columns = 1100;  // more than kernels do at a time
  const auto a = random_values(rows * columns, 12), b = random_values(rows * columns, 13);
  const auto factors = random_values(columns, 14);
  auto check = [&](auto change, auto formula) {
    const Activations x(a, rows, columns), y(b, rows, columns);
    change(x.matrix(), y.matrix());
    Doubles expected;
    for (std::size_t k = 0; k < b.size(); ++k)
      expected.push_back(formula(static_cast<double>(a[k]), static_cast<double>(b[k]),
                                 k % static_cast<std::size_t>(columns)));
    BOOST_TEST(deviation(y.values(), expected) <= kExact);
  };
  check([&](Matrix x, Matrix y) { backend().copy(x, y); }, [](double x, double, std::size_t) { return x; });
  check([&](Matrix x, Matrix y) { backend().add(x, 0.5F, y); },
        [](double x, double y, std::size_t) { return y + 0.5 * x; });
  check([&](Matrix, Matrix y) { backend().fill(y, 3.0F); }, [](double, double, std::size_t) { return 3.0; });
  check([&](Matrix, Matrix y) { backend().scale(-2.0F, y); },
        [](double, double y, std::size_t) { return -2 * y; });
  check([&](Matrix, Matrix y) { backend().soft_cap(2.0F, y); },
        [](double, double y, std::size_t) { return 2 * std::tanh(y / 2); });
  check([&](Matrix, Matrix y) { backend().scale_columns(factors, y); },
        [&](double, double y, std::size_t c) { return y * static_cast<double>(factors[c]); });
}

BOOST_AUTO_TEST_CASE(filling_does_not_read) {
  const Activations out(4, 33);  // not initialised
  backend().fill(out, -1.0F);
  BOOST_TEST(deviation(out.values(), Doubles(4 * 33, -1.0)) == 0.0);
}

BOOST_AUTO_TEST_CASE(rows_are_gathered_and_scattered) {
  const auto a = random_values(5 * 40, 15), b = random_values(5 * 40, 16);
  const std::vector<std::int64_t> rows{4, 0, 2};
  const std::vector<float> factors{0.5F, -1.0F, 2.0F};
  const Activations x(a, 5, 40), y(b, 5, 40), gathered(3, 40);
  backend().gather_rows(x, rows, factors, gathered);
  Doubles expected, sums = doubles(b);
  for (std::size_t k = 0; k < 3; ++k) {
    for (std::size_t c = 0; c < 40; ++c) {
      expected.push_back(static_cast<double>(factors[k]) *
                         static_cast<double>(a[static_cast<std::size_t>(rows[k]) * 40 + c]));
      sums[static_cast<std::size_t>(rows[k]) * 40 + c] += static_cast<double>(factors[k]) * expected.back();
    }
  }
  BOOST_TEST(deviation(gathered.values(), expected) <= kExact);
  backend().scatter_add_rows(gathered, rows, factors, y);
  BOOST_TEST(deviation(y.values(), sums) <= kExact);
}

BOOST_AUTO_TEST_CASE(a_part_of_a_matrix_is_read) {
  const auto a = random_values(6 * 40, 17);
  const Activations x(a, 6, 40);
  std::vector<float> found(3 * 10);
  backend().read(x.matrix().slice_rows(2, 3).slice_columns(5, 10), found);
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 10; ++c) BOOST_TEST(found[r * 10 + c] == a[(r + 2) * 40 + c + 5]);
  }
}

BOOST_AUTO_TEST_CASE(a_part_of_a_matrix_is_written) {
  const auto a = random_values(6 * 40, 17), part = random_values(3 * 10, 18),
             rows = random_values(2 * 40, 19);
  const Activations x(a, 6, 40);
  backend().write(part, x.matrix().slice_rows(2, 3).slice_columns(5, 10));
  backend().write(rows, x.matrix().slice_rows(0, 2));
  std::vector<float> expected = a;
  for (std::size_t k = 0; k < rows.size(); ++k) expected[k] = rows[k];
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 10; ++c) expected[(r + 2) * 40 + c + 5] = part[r * 10 + c];
  }
  BOOST_TEST(x.values() == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(products_with_activations) {
  for (const auto kind : {ActivationKind::silu, ActivationKind::gelu, ActivationKind::gelu_tanh,
                          ActivationKind::quick_gelu, ActivationKind::relu, ActivationKind::relu_squared}) {
    for (const bool gated : {false, true}) {
      for (const bool with_bias : {false, true}) {
        for (const std::int64_t rows : {1, 5, 300}) {
          const std::int64_t outputs = gated ? 80 : 40;
          const auto in = random_values(rows * 64, 1), bias = random_values(with_bias ? outputs : 0, 3);
          const auto weights =
              weight(random_values(outputs * 64, 4, 0.3F), outputs, 64, under_test().run, Precision::fast);
          const Activations x(in, rows, 64), wide(rows, outputs), y(rows, 40);
          backend().linear_activate(weights->view, bias, {kind, gated}, x, wide, y, Precision::fast);
          Doubles expected;
          auto product = [&](std::int64_t t, std::int64_t n) {
            double sum = with_bias ? static_cast<double>(bias[static_cast<std::size_t>(n)]) : 0;
            for (std::int64_t k = 0; k < 64; ++k)
              sum += static_cast<double>(in[static_cast<std::size_t>(t * 64 + k)]) *
                     static_cast<double>(weights->values[static_cast<std::size_t>(n * 64 + k)]);
            return sum;
          };
          for (std::int64_t t = 0; t < rows; ++t) {
            for (std::int64_t n = 0; n < 40; ++n)
              expected.push_back(act(kind, product(t, n)) * (gated ? product(t, 40 + n) : 1));
          }
          BOOST_TEST(deviation(y.values(), expected) <= under_test().rounded);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_largest_numbers_of_rows) {
  for (const std::int64_t columns : {7, 1024, 2500}) {
    auto in = random_values(3 * (columns + 2), 27);
    for (float& value : in) value = std::round(4 * value);  // many are equal
    in[3] = std::nanf("");
    in[5] = INFINITY;
    std::fill_n(in.begin() + 2 * (columns + 2), columns, -INFINITY);
    in[static_cast<std::size_t>(2 * (columns + 2))] = std::nanf("");
    const Activations x(in, 3, columns + 2);
    for (const std::int64_t count :
         {std::int64_t{1}, std::int64_t{7}, std::min<std::int64_t>(columns, 200)}) {
      const auto found = backend().largest(x.matrix().slice_columns(0, columns), count);
      BOOST_TEST_REQUIRE(found.size() == static_cast<std::size_t>(3 * count));
      for (std::int64_t r = 0; r < 3; ++r) {
        auto at = [&](std::int32_t c) {
          const float value = in[static_cast<std::size_t>(r * (columns + 2) + c)];
          return std::isnan(value) ? -INFINITY : value;
        };
        std::vector<std::int32_t> order(static_cast<std::size_t>(columns));
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return at(a) > at(b); });
        for (std::int64_t k = 0; k < count; ++k) {
          const RowEntry& entry = found[static_cast<std::size_t>(r * count + k)];
          BOOST_TEST(entry.column == order[static_cast<std::size_t>(k)]);
          BOOST_TEST(entry.value == at(entry.column));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
