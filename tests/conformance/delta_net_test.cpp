// SPDX-License-Identifier: Apache-2.0
// The gated delta net against its formulas in double: sequences whole, in pieces and together.
#include <cmath>

#include <boost/test/unit_test.hpp>

#include "conformance/under_test.hpp"
#include "runtime/random_values.hpp"

using namespace mhub;
using namespace mhub::runtime;
using namespace mhub::tests;

namespace {

using Doubles = std::vector<double>;

DeltaNet random_net(std::int64_t kernel, std::int64_t key_dim, std::int64_t value_dim) {
  DeltaNet net;
  net.key_heads = 2;
  net.value_heads = 6;
  net.key_dim = key_dim;
  net.value_dim = value_dim;
  net.kernel = kernel;
  net.convolution = random_values((2 * net.keys() + net.values()) * kernel, 30, 0.5F);
  net.rate = random_values(net.value_heads, 31, 0.5F);
  for (float& rate : net.rate) rate = std::exp(rate);
  net.dt_bias = random_values(net.value_heads, 32, 0.5F);
  net.norm = {NormKind::rms, 1e-6, random_values(net.value_dim, 33), {}};
  return net;
}

std::int64_t width(const DeltaNet& net) { return 2 * net.keys() + 2 * net.values() + 2 * net.value_heads; }

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// [tokens, values()] for one sequence, as the recurrence is written down.
Doubles reference(const DeltaNet& net, const std::vector<float>& in) {
  const std::int64_t columns = width(net), channels = 2 * net.keys() + net.values();
  const std::int64_t ratio = net.value_heads / net.key_heads;
  auto at = [&](std::int64_t t, std::int64_t c) {
    return t < 0 ? 0.0 : static_cast<double>(in[static_cast<std::size_t>(t * columns + c)]);
  };
  auto convolved = [&](std::int64_t t, std::int64_t c) {
    double sum = 0;
    for (std::int64_t k = 0; k < net.kernel; ++k)
      sum += static_cast<double>(net.convolution[static_cast<std::size_t>(c * net.kernel + k)]) *
             at(t - net.kernel + 1 + k, c);
    return sum * sigmoid(sum);
  };
  Doubles out, state(static_cast<std::size_t>(net.value_heads * net.key_dim * net.value_dim));
  for (std::int64_t t = 0; t < static_cast<std::int64_t>(in.size()) / columns; ++t) {
    for (std::int64_t h = 0; h < net.value_heads; ++h) {
      Doubles query, key, value;
      double query_length = 1e-6, key_length = 1e-6;
      for (std::int64_t i = 0; i < net.key_dim; ++i) {
        query.push_back(convolved(t, h / ratio * net.key_dim + i));
        key.push_back(convolved(t, net.keys() + h / ratio * net.key_dim + i));
        query_length += query.back() * query.back();
        key_length += key.back() * key.back();
      }
      for (std::int64_t j = 0; j < net.value_dim; ++j)
        value.push_back(convolved(t, 2 * net.keys() + h * net.value_dim + j));
      const auto head = static_cast<std::size_t>(h);
      const double beta = sigmoid(at(t, channels + net.values() + h));
      const double alpha = at(t, channels + net.values() + net.value_heads + h);
      const double decay = std::exp(-static_cast<double>(net.rate[head]) *
                                    std::log1p(std::exp(alpha + static_cast<double>(net.dt_bias[head]))));
      Doubles result;
      double squares = 0;
      for (std::int64_t j = 0; j < net.value_dim; ++j) {
        auto cell = [&](std::int64_t i) -> double& {
          return state[static_cast<std::size_t>((h * net.key_dim + i) * net.value_dim + j)];
        };
        auto k = [&](std::int64_t i) { return key[static_cast<std::size_t>(i)] / std::sqrt(key_length); };
        double recalled = 0, answer = 0;
        for (std::int64_t i = 0; i < net.key_dim; ++i) recalled += k(i) * (cell(i) *= decay);
        const double change = (value[static_cast<std::size_t>(j)] - recalled) * beta;
        for (std::int64_t i = 0; i < net.key_dim; ++i) {
          cell(i) += k(i) * change;
          answer += query[static_cast<std::size_t>(i)] * cell(i);
        }
        result.push_back(answer / std::sqrt(query_length * static_cast<double>(net.key_dim)));
        squares += result.back() * result.back();
      }
      const double root = std::sqrt(squares / static_cast<double>(net.value_dim) + net.norm.epsilon);
      for (std::int64_t j = 0; j < net.value_dim; ++j) {
        const double z = at(t, channels + h * net.value_dim + j);
        out.push_back(result[static_cast<std::size_t>(j)] / root *
                      static_cast<double>(net.norm.weight[static_cast<std::size_t>(j)]) * z * sigmoid(z));
      }
    }
  }
  return out;
}

/// A sequence, what it must give, and how far it has come.
struct Sequence {
  std::vector<float> rows;
  Doubles expected;
  LayerCache cache{1, 1, 1, [](std::int64_t floats) { return backend().allocate_cache_page(floats); }};
  std::int64_t done = 0;

  Sequence(const DeltaNet& net, std::int64_t tokens, unsigned seed)
      : rows(random_values(tokens * width(net), seed)), expected(reference(net, rows)) {}
};

struct Part {
  Sequence* sequence;
  std::int64_t tokens;
};

/// The next tokens of some sequences in one call.
double run(const DeltaNet& net, const std::vector<Part>& parts) {
  std::vector<float> in;
  Doubles expected;
  std::vector<Segment> segments;
  std::int64_t total = 0;
  for (const Part& part : parts) {
    Sequence& s = *part.sequence;
    segments.push_back({total, part.tokens, s.done, &s.cache});
    const auto from = s.rows.begin() + static_cast<std::ptrdiff_t>(s.done * width(net));
    in.insert(in.end(), from, from + static_cast<std::ptrdiff_t>(part.tokens * width(net)));
    const auto wanted = s.expected.begin() + static_cast<std::ptrdiff_t>(s.done * net.values());
    expected.insert(expected.end(), wanted, wanted + static_cast<std::ptrdiff_t>(part.tokens * net.values()));
    s.done += part.tokens;
    total += part.tokens;
  }
  const Activations x(in, total, width(net)), y(total, net.values());
  backend().delta_net(net, x, segments, y);
  return deviation(y.values(), expected);
}

void check(const DeltaNet& net) {
  Sequence first(net, 13, 40), second(net, 70, 41), third(net, 2, 42);
  BOOST_TEST(run(net, {{&first, 1}}) <= kExact);
  BOOST_TEST(run(net, {{&first, 6}, {&second, 66}}) <= kExact);
  BOOST_TEST(run(net, {{&second, 1}, {&third, 1}, {&first, 4}}) <= kExact);
  BOOST_TEST(run(net, {{&third, 1}, {&first, 2}, {&second, 3}}) <= kExact);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gated_delta_nets)

BOOST_AUTO_TEST_CASE(follow_the_recurrence_whole_and_in_pieces) {
  for (const std::int64_t kernel : {1, 2, 4}) check(random_net(kernel, 5, 7));
}

BOOST_AUTO_TEST_CASE(with_heads_of_more_than_one_block) { check(random_net(4, 16, 72)); }

BOOST_AUTO_TEST_CASE(of_sequences_that_end_leave_nothing_behind) {
  const DeltaNet net = random_net(4, 5, 7);
  for (unsigned seed = 50; seed < 53; ++seed) {  // memory that is given back is used again
    Sequence sequence(net, 9, seed);
    BOOST_TEST(run(net, {{&sequence, 9}}) <= kExact);
    sequence.done = 0;  // a sequence that begins anew in the same cache
    BOOST_TEST(run(net, {{&sequence, 5}}) <= kExact);
  }
}

BOOST_AUTO_TEST_SUITE_END()
