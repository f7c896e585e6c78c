// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/cpu_delta_net.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <Eigen/Core>

#include "mhub/runtime/cpu/softplus.hpp"

namespace mhub::runtime {
namespace {

using Row = Eigen::Map<Eigen::ArrayXf>;
using ConstRow = Eigen::Map<const Eigen::ArrayXf>;

float sigmoid(float x) { return 1.0F / (1.0F + std::exp(-x)); }

/// A run of channels that a key head convolves: where they are in the input and in the weight.
struct Channels {
  std::int64_t first, count;
};

/// The three runs of a key head: its query, its key, the values of its value heads.
std::array<Channels, 3> channels_of(const DeltaNet& net, std::int64_t head) {
  const std::int64_t values = net.value_heads / net.key_heads * net.value_dim;
  return {{{head * net.key_dim, net.key_dim},
           {net.keys() + head * net.key_dim, net.key_dim},
           {2 * net.keys() + head * values, values}}};
}

std::int64_t channel_count(const DeltaNet& net) {
  return 2 * net.key_dim + net.value_heads / net.key_heads * net.value_dim;
}

std::int64_t state_size(const DeltaNet& net) {
  const std::int64_t ratio = net.value_heads / net.key_heads;
  return channel_count(net) * (net.kernel - 1) + ratio * net.key_dim * net.value_dim;
}

/// A causal convolution of one token's channels with SiLU behind it; `past` has the kernel - 1 inputs before
/// it of each channel, oldest first, and moves on by one.
void convolve(const DeltaNet& net, const float* in, const std::array<Channels, 3>& runs, float* past,
              float* out) {
  const std::int64_t before = net.kernel - 1;
  for (const Channels& run : runs) {
    for (std::int64_t c = run.first; c < run.first + run.count; ++c, past += before) {
      const float* weight = net.convolution.data() + c * net.kernel;
      float sum = weight[before] * in[c];
      for (std::int64_t k = 0; k < before; ++k) sum += weight[k] * past[k];
      if (before > 0) {
        std::copy(past + 1, past + before, past);
        past[before - 1] = in[c];
      }
      *out++ = sum * sigmoid(sum);
    }
  }
}

/// x / sqrt(sum x^2 + 1e-6), times `factor` (fla's l2norm).
void unit_length(Row x, float factor) { x *= factor / std::sqrt(x.square().sum() + 1e-6F); }

/// One step of the delta rule: the state forgets, takes what the key does not yet recall, and is asked.
void step(float* state, const float* query, const float* key, const ConstRow& value, float decay, float beta,
          std::int64_t key_dim, Row recalled, Row out) {
  const std::int64_t size = value.size();
  recalled.setZero();
  for (std::int64_t i = 0; i < key_dim; ++i) {
    Row row(state + i * size, size);
    row *= decay;
    recalled += key[i] * row;
  }
  recalled = (value - recalled) * beta;
  out.setZero();
  for (std::int64_t i = 0; i < key_dim; ++i) {
    Row row(state + i * size, size);
    row += key[i] * recalled;
    out += query[i] * row;
  }
}

}  // namespace

void CpuDeltaNet::run_head(const DeltaNet& net, const Matrix& in, const Segment& segment, std::int64_t head,
                           float* state, const Matrix& out) const {
  const std::int64_t ratio = net.value_heads / net.key_heads, size = net.value_dim;
  const std::array<Channels, 3> runs = channels_of(net, head);
  float* matrices = state + channel_count(net) * (net.kernel - 1);
  std::vector<float> convolved(static_cast<std::size_t>(channel_count(net)));
  std::vector<float> scratch(static_cast<std::size_t>(size));
  float *query = convolved.data(), *key = query + net.key_dim, *values = key + net.key_dim;
  for (std::int64_t t = segment.first_row; t < segment.first_row + segment.rows; ++t) {
    const float* row = in.data + t * in.stride;
    convolve(net, row, runs, state, convolved.data());
    unit_length(Row(query, net.key_dim), 1.0F / std::sqrt(static_cast<float>(net.key_dim)));
    unit_length(Row(key, net.key_dim), 1.0F);
    for (std::int64_t r = 0; r < ratio; ++r) {
      const std::int64_t h = head * ratio + r;
      const float* gate = row + 2 * net.keys() + net.values() + h * size;
      const float* betas = row + 2 * net.keys() + 2 * net.values();
      const float alpha = betas[net.value_heads + h];
      const auto at = static_cast<std::size_t>(h);
      const float decay = std::exp(-net.rate[at] * softplus(alpha + net.dt_bias[at]));
      Row result(out.data + t * out.stride + h * size, size);
      step(matrices + r * net.key_dim * size, query, key, ConstRow(values + r * size, size), decay,
           sigmoid(betas[h]), net.key_dim, Row(scratch.data(), size), result);
      kernels_.normalize(result.data(), size, false, static_cast<float>(net.norm.epsilon),
                         net.norm.weight.data(), nullptr, result.data());
      kernels_.sigmoid_gate(gate, size, 1.0F, 0.0F, scratch.data());
      result *= Row(scratch.data(), size);
    }
  }
}

void CpuDeltaNet::run(const DeltaNet& net, Matrix in, std::span<const Segment> segments, Matrix out) const {
  const std::int64_t size = state_size(net);
  for (const Segment& segment : segments) {
    float* state = segment.cache->state(net.key_heads * size);
    if (segment.position == 0) std::fill_n(state, net.key_heads * size, 0.0F);
  }
  const auto heads = static_cast<std::int64_t>(segments.size()) * net.key_heads;
  pool_.run(heads, [&](std::int64_t k, int) {
    const Segment& segment = segments[static_cast<std::size_t>(k / net.key_heads)];
    const std::int64_t head = k % net.key_heads;
    run_head(net, in, segment, head, segment.cache->state(net.key_heads * size) + head * size, out);
  });
}

}  // namespace mhub::runtime
