// The gated delta net of the CPU backend against its formulas in double precision, whole and in pieces.
#include <cmath>
#include <random>

#include <boost/test/unit_test.hpp>

#include "mhub/runtime/cpu/cpu_backend.hpp"

using namespace mhub;
using namespace mhub::runtime;

namespace {

std::vector<float> noise(std::mt19937& random, std::int64_t count, float size) {
  std::normal_distribution<float> normal(0.0F, size);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

DeltaNet random_net(std::mt19937& random, std::int64_t kernel) {
  DeltaNet net;
  net.key_heads = 2;
  net.value_heads = 6;
  net.key_dim = 5;
  net.value_dim = 7;
  net.kernel = kernel;
  net.convolution = noise(random, (2 * net.keys() + net.values()) * kernel, 0.5F);
  net.rate = noise(random, net.value_heads, 0.5F);
  for (float& rate : net.rate) rate = std::exp(rate);
  net.dt_bias = noise(random, net.value_heads, 0.5F);
  net.norm = {NormKind::rms, 1e-6, noise(random, net.value_dim, 1.0F), {}};
  return net;
}

std::int64_t width(const DeltaNet& net) { return 2 * net.keys() + 2 * net.values() + 2 * net.value_heads; }

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// [tokens, values()] for one sequence, as the recurrence is written down.
std::vector<double> reference(const DeltaNet& net, const std::vector<float>& in, std::int64_t tokens) {
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
  std::vector<double> out;
  std::vector<double> state(static_cast<std::size_t>(net.value_heads * net.key_dim * net.value_dim));
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t h = 0; h < net.value_heads; ++h) {
      std::vector<double> query, key, value;
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
      std::vector<double> result;
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

LayerCache new_cache(Backend& backend) {
  return {1, 1, 1, [&](std::int64_t floats) { return backend.allocate(floats); }};
}

}  // namespace

BOOST_AUTO_TEST_CASE(follows_the_recurrence_whole_and_in_pieces) {
  const auto backend = make_cpu_backend({2, nullptr});
  std::mt19937 random(4);
  for (const std::int64_t kernel : {1, 2, 4}) {
    const DeltaNet net = random_net(random, kernel);
    const std::int64_t tokens = 11, columns = width(net);
    // Two sequences in one call; the first arrives in pieces of 1, 6 and 4 tokens, the second at once.
    std::vector<float> first = noise(random, tokens * columns, 1.0F);
    const std::vector<float> second = noise(random, tokens * columns, 1.0F);
    LayerCache first_cache = new_cache(*backend), second_cache = new_cache(*backend);
    std::vector<float> found;
    std::int64_t position = 0;
    for (const std::int64_t piece : {1, 6, 4}) {
      std::vector<float> in(first.begin() + position * columns, first.begin() + (position + piece) * columns);
      std::vector<Segment> segments{{0, piece, position, &first_cache}};
      if (piece == 6) {
        in.insert(in.end(), second.begin(), second.end());
        segments.push_back({piece, tokens, 0, &second_cache});
      }
      const std::int64_t rows = static_cast<std::int64_t>(in.size()) / columns;
      std::vector<float> out(static_cast<std::size_t>(rows * net.values()));
      backend->delta_net(net, {in.data(), rows, columns, columns}, segments,
                         {out.data(), rows, net.values(), net.values()});
      found.insert(found.end(), out.begin(), out.begin() + piece * net.values());
      position += piece;
      if (piece != 6) continue;
      const std::vector<double> wanted = reference(net, second, tokens);
      for (std::size_t k = 0; k < wanted.size(); ++k)
        BOOST_REQUIRE_SMALL(
            static_cast<double>(out[static_cast<std::size_t>(6 * net.values()) + k]) - wanted[k], 2e-5);
    }
    const std::vector<double> wanted = reference(net, first, tokens);
    BOOST_REQUIRE_EQUAL(found.size(), wanted.size());
    for (std::size_t k = 0; k < wanted.size(); ++k)
      BOOST_REQUIRE_SMALL(static_cast<double>(found[k]) - wanted[k], 2e-5);
  }
}

BOOST_AUTO_TEST_CASE(gates_multiply_heads) {
  const auto backend = make_cpu_backend({1, nullptr});
  // Two tokens, two groups of a query head, its gate and two more numbers; heads of two numbers.
  std::vector<float> mixed(2 * 12, 9.0F), out(2 * 4);
  for (std::size_t k = 0; k < out.size(); ++k) out[k] = static_cast<float>(k + 1);
  auto gate_of = [&](std::size_t token, std::size_t group, std::size_t k) -> float& {
    return mixed[token * 12 + group * 6 + 2 + k];
  };
  for (std::size_t t = 0; t < 2; ++t) {
    for (std::size_t g = 0; g < 2; ++g) {
      for (std::size_t k = 0; k < 2; ++k)
        gate_of(t, g, k) = static_cast<float>(t) - static_cast<float>(g + k);
    }
  }
  backend->gate({mixed.data() + 2, 2, 12, 2, 6, 1, 2, 2}, {out.data(), 2, 4, 4});
  for (std::size_t t = 0; t < 2; ++t) {
    for (std::size_t g = 0; g < 2; ++g) {
      for (std::size_t k = 0; k < 2; ++k) {
        const std::size_t at = t * 4 + g * 2 + k;
        const double wanted = static_cast<double>(at + 1) * sigmoid(static_cast<double>(gate_of(t, g, k)));
        BOOST_TEST(std::abs(static_cast<double>(out[at]) - wanted) < 1e-6);
      }
    }
  }
}
