// SPDX-License-Identifier: Apache-2.0
// A Mamba-2 mixer against the recurrence in double, its sequences whole and in pieces.
#include <cmath>

#include <boost/test/unit_test.hpp>

#include "conformance/under_test.hpp"
#include "runtime/random_values.hpp"

using namespace mhub;
using namespace mhub::runtime;
using namespace mhub::tests;

namespace {

struct Sizes {
  std::int64_t heads, groups, head_dim, state_dim, kernel;
};

/// Heads that forget at once and heads that hardly do.
MambaMixer random_mixer(const Sizes& sizes) {
  MambaMixer mixer;
  mixer.heads = sizes.heads;
  mixer.groups = sizes.groups;
  mixer.head_dim = sizes.head_dim;
  mixer.state_dim = sizes.state_dim;
  mixer.kernel = sizes.kernel;
  mixer.convolution = random_values(mixer.kernel * mixer.channels(), 31, 0.5F);
  mixer.convolution_bias = random_values(mixer.channels(), 32, 0.5F);
  mixer.rate = random_values(mixer.heads, 33, 2.0F);
  for (float& rate : mixer.rate) rate = std::exp(rate);
  mixer.dt_bias = random_values(mixer.heads, 34, 2.0F);
  mixer.skip = random_values(mixer.heads, 35);
  mixer.norm = {NormKind::rms, 1e-5, random_values(mixer.inner(), 36), {}};
  return mixer;
}

double silu(double x) { return x / (1 + std::exp(-x)); }

/// One sequence, as the formulas of transformers' Mamba2 are written down.
class Golden {
 public:
  Golden(const MambaMixer& mixer, const std::vector<float>& in) : mixer_(mixer), in_(in) {}

  std::vector<double> run() const {
    const MambaMixer& m = mixer_;
    const auto tokens = static_cast<std::int64_t>(in_.size()) / m.width();
    std::vector<double> out(static_cast<std::size_t>(tokens * m.inner()));
    for (std::int64_t h = 0; h < m.heads; ++h) {
      for (std::int64_t p = 0; p < m.head_dim; ++p) run_channel(h, h * m.head_dim + p, tokens, out);
    }
    const std::int64_t size = m.inner() / m.groups;
    for (std::size_t begin = 0; begin < out.size(); begin += static_cast<std::size_t>(size)) {
      double squares = 0;
      for (std::size_t k = begin; k < begin + static_cast<std::size_t>(size); ++k) squares += out[k] * out[k];
      const double root = std::sqrt(squares / static_cast<double>(size) + m.norm.epsilon);
      for (std::size_t k = begin; k < begin + static_cast<std::size_t>(size); ++k)
        out[k] *= static_cast<double>(m.norm.weight[k % static_cast<std::size_t>(m.inner())]) / root;
    }
    return out;
  }

 private:
  double at(std::int64_t token, std::int64_t column) const {
    return token < 0 ? 0.0
                     : static_cast<double>(in_[static_cast<std::size_t>(token * mixer_.width() + column)]);
  }
  double convolved(std::int64_t token, std::int64_t channel) const {
    auto sum = static_cast<double>(mixer_.convolution_bias[static_cast<std::size_t>(channel)]);
    for (std::int64_t k = 0; k < mixer_.kernel; ++k)
      sum +=
          static_cast<double>(mixer_.convolution[static_cast<std::size_t>(k * mixer_.channels() + channel)]) *
          at(token - mixer_.kernel + 1 + k, mixer_.inner() + channel);
    return silu(sum);
  }
  /// One number of a head: a state of its own for each of B's and C's numbers.
  void run_channel(std::int64_t head, std::int64_t channel, std::int64_t tokens,
                   std::vector<double>& out) const {
    const MambaMixer& m = mixer_;
    const auto h = static_cast<std::size_t>(head);
    const std::int64_t b = m.inner() + head / (m.heads / m.groups) * m.state_dim, c = b + m.states();
    std::vector<double> state(static_cast<std::size_t>(m.state_dim));
    for (std::int64_t t = 0; t < tokens; ++t) {
      const double raw = at(t, m.inner() + m.channels() + head) + static_cast<double>(m.dt_bias[h]);
      const double dt = std::log1p(std::exp(raw)), x = convolved(t, channel);
      double y = static_cast<double>(m.skip[h]) * x;
      for (std::int64_t n = 0; n < m.state_dim; ++n) {
        double& cell = state[static_cast<std::size_t>(n)];
        cell = cell * std::exp(-static_cast<double>(m.rate[h]) * dt) + dt * convolved(t, b + n) * x;
        y += convolved(t, c + n) * cell;
      }
      out[static_cast<std::size_t>(t * m.inner() + channel)] = y * silu(at(t, channel));
    }
  }

  const MambaMixer& mixer_;
  const std::vector<float>& in_;
};

/// The largest deviation of several sequences that arrive in calls, each of so many tokens for every
/// sequence; every second call has the sequences in reverse order.
double mamba_deviation(const Sizes& sizes, const std::vector<std::vector<std::int64_t>>& calls) {
  const MambaMixer mixer = random_mixer(sizes);
  const std::size_t count = calls.front().size();
  std::vector<std::vector<float>> in(count), found(count);
  std::vector<LayerCache> caches;
  std::vector<std::int64_t> position(count);
  for (std::size_t s = 0; s < count; ++s) {
    std::int64_t tokens = 0;
    for (const auto& call : calls) tokens += call[s];
    in[s] = random_values(tokens * mixer.width(), static_cast<unsigned>(40 + s), 2.0F);
    caches.emplace_back(1, 1, 1, [](std::int64_t floats) { return backend().allocate_cache_page(floats); });
  }
  for (std::size_t k = 0; k < calls.size(); ++k) {
    std::vector<float> rows;
    std::vector<Segment> segments;
    std::vector<std::size_t> order;
    for (std::size_t s = 0; s < count; ++s) order.push_back(k % 2 == 0 ? s : count - 1 - s);
    for (const std::size_t s : order) {
      const std::int64_t tokens = calls[k][s];
      if (tokens == 0) continue;
      const auto first = in[s].begin() + position[s] * mixer.width();
      segments.push_back(
          {static_cast<std::int64_t>(rows.size()) / mixer.width(), tokens, position[s], &caches[s]});
      rows.insert(rows.end(), first, first + tokens * mixer.width());
    }
    const auto total = static_cast<std::int64_t>(rows.size()) / mixer.width();
    const Activations x(rows, total, mixer.width()), y(total, mixer.inner());
    backend().mamba(mixer, x, segments, y);
    const std::vector<float> values = y.values();
    std::size_t segment = 0;
    for (const std::size_t s : order) {
      if (calls[k][s] == 0) continue;
      const auto first = values.begin() + segments[segment++].first_row * mixer.inner();
      found[s].insert(found[s].end(), first, first + calls[k][s] * mixer.inner());
      position[s] += calls[k][s];
    }
  }
  double worst = 0;
  for (std::size_t s = 0; s < count; ++s)
    worst = std::max(worst, deviation(found[s], Golden(mixer, in[s]).run()));
  return worst;
}

/// Prompts in one go and in pieces, longer ones than the CPU takes at a time, tokens one by one.
const std::vector<std::vector<std::int64_t>> kOneSequence{{130}};
const std::vector<std::vector<std::int64_t>> kPieces{{1}, {1}, {2}, {70}, {1}, {1}};
const std::vector<std::vector<std::int64_t>> kSeveral{{5, 90, 1}, {1, 1, 1}, {66, 1, 0}, {1, 2, 70}};

void check_mamba(const Sizes& sizes) {
  for (const auto& calls : {kOneSequence, kPieces, kSeveral}) {
    const double found = mamba_deviation(sizes, calls);
    BOOST_TEST_MESSAGE("deviation " << found);
    BOOST_TEST(found <= kExact);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mamba_operator)

BOOST_AUTO_TEST_CASE(one_group) { check_mamba({3, 1, 37, 9, 4}); }

BOOST_AUTO_TEST_CASE(two_groups_of_three_heads) { check_mamba({6, 2, 5, 19, 4}); }

BOOST_AUTO_TEST_CASE(a_group_for_each_head) { check_mamba({4, 4, 16, 1, 2}); }

BOOST_AUTO_TEST_CASE(more_channels_than_a_thread_takes) { check_mamba({4, 1, 64, 33, 3}); }

BOOST_AUTO_TEST_CASE(a_convolution_of_one_token) { check_mamba({2, 2, 8, 4, 1}); }

BOOST_AUTO_TEST_SUITE_END()
