// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/cpu_mamba.hpp"

#include <algorithm>
#include <cmath>

#include <Eigen/Core>

#include "mhub/runtime/cpu/softplus.hpp"

namespace mhub::runtime {
namespace {

using Row = Eigen::Map<Eigen::ArrayXf>;
using ConstRow = Eigen::Map<const Eigen::ArrayXf>;

constexpr std::int64_t kTokens = 64;  // of a sequence at a time: what lies between the steps stays in cache
constexpr std::int64_t kChannels = 256;  // of a convolution that a thread takes at a time

std::int64_t history_size(const MambaMixer& mixer) { return (mixer.kernel - 1) * mixer.channels(); }

std::int64_t state_size(const MambaMixer& mixer) {
  return history_size(mixer) + mixer.heads * mixer.state_dim * mixer.head_dim;
}

}  // namespace

void CpuMamba::run(const MambaMixer& mixer, Matrix in, std::span<const Segment> segments, Matrix out) {
  const std::int64_t size = state_size(mixer);
  std::int64_t longest = 0, most = 0;
  for (const Segment& segment : segments) {
    float* state = segment.cache->state(size);
    if (segment.position == 0) std::fill_n(state, size, 0.0F);
    longest = std::max(longest, segment.rows);
    most += std::min(segment.rows, kTokens);
  }
  convolved_.resize(static_cast<std::size_t>(most * mixer.channels()));
  std::vector<Piece> pieces;
  for (std::int64_t begin = 0; begin < longest; begin += kTokens) {
    float* convolved = convolved_.data();
    pieces.clear();
    for (const Segment& segment : segments) {
      const std::int64_t rows = std::min(segment.rows - begin, kTokens);
      if (rows <= 0) continue;
      pieces.push_back({segment.first_row + begin, rows, segment.cache->state(size), convolved});
      convolved += rows * mixer.channels();
    }
    mix(mixer, in, pieces, out);
  }
  gate_and_normalize(mixer, in, out);
}

void CpuMamba::mix(const MambaMixer& mixer, const Matrix& in, std::span<const Piece> pieces,
                   const Matrix& out) const {
  const auto count = static_cast<std::int64_t>(pieces.size());
  const std::int64_t blocks = (mixer.channels() + kChannels - 1) / kChannels;
  pool_.run(count * blocks, [&](std::int64_t k, int) {
    const std::int64_t first = k % blocks * kChannels;
    convolve(mixer, in, pieces[static_cast<std::size_t>(k / blocks)], first,
             std::min(kChannels, mixer.channels() - first));
  });
  pool_.run(count * mixer.heads, [&](std::int64_t k, int) {
    scan(mixer, in, pieces[static_cast<std::size_t>(k / mixer.heads)], k % mixer.heads, out);
  });
}

/// The causal convolution of some channels with SiLU behind it; the sequence's history moves on.
void CpuMamba::convolve(const MambaMixer& mixer, const Matrix& in, const Piece& piece,
                        std::int64_t first_channel, std::int64_t count) const {
  const std::int64_t before = mixer.kernel - 1, channels = mixer.channels();
  float* history = piece.state + first_channel;
  // Inputs before the piece have negative numbers.
  auto input = [&](std::int64_t token) {
    const float* at = token < 0
                          ? history + (token + before) * channels
                          : in.data + (piece.first_row + token) * in.stride + mixer.inner() + first_channel;
    return ConstRow(at, count);
  };
  for (std::int64_t t = 0; t < piece.rows; ++t) {
    Row out(piece.convolved + t * channels + first_channel, count);
    out = ConstRow(mixer.convolution_bias.data() + first_channel, count);
    for (std::int64_t k = 0; k < mixer.kernel; ++k)
      out += ConstRow(mixer.convolution.data() + k * channels + first_channel, count) * input(t - before + k);
    kernels_.sigmoid_gate(out.data(), count, 1.0F, 0.0F, out.data());
  }
  for (std::int64_t k = 0; k < before; ++k)
    Row(history + k * channels, count) = input(piece.rows - before + k);  // from later places only
}

/// The recurrence of a head: what the state gives of every token, with the skip connection.
void CpuMamba::scan(const MambaMixer& mixer, const Matrix& in, const Piece& piece, std::int64_t head,
                    const Matrix& out) const {
  const auto at = static_cast<std::size_t>(head);
  const std::int64_t group = head / (mixer.heads / mixer.groups);
  float* state = piece.state + history_size(mixer) + head * mixer.state_dim * mixer.head_dim;
  for (std::int64_t t = 0; t < piece.rows; ++t) {
    const std::int64_t row = piece.first_row + t;
    const float* convolved = piece.convolved + t * mixer.channels();
    const float* b = convolved + mixer.inner() + group * mixer.state_dim;
    const float dt = in.data[row * in.stride + mixer.inner() + mixer.channels() + head];
    const float step = softplus(dt + mixer.dt_bias[at]);
    kernels_.scan({state, mixer.state_dim, mixer.head_dim, std::exp(-mixer.rate[at] * step), step,
                   mixer.skip[at], b, b + mixer.states()},
                  convolved + head * mixer.head_dim, out.data + row * out.stride + head * mixer.head_dim);
  }
}

void CpuMamba::gate_and_normalize(const MambaMixer& mixer, const Matrix& in, const Matrix& out) const {
  const std::int64_t size = mixer.inner() / mixer.groups;
  pool_.run(out.rows * mixer.groups, [&](std::int64_t k, int) {
    const std::int64_t row = k / mixer.groups, first = k % mixer.groups * size;
    Row result(out.data + row * out.stride + first, size);
    Row gate(in.data + row * in.stride + first, size);
    kernels_.sigmoid_gate(gate.data(), size, 1.0F, 0.0F, gate.data());
    result *= gate;
    kernels_.normalize(result.data(), size, false, static_cast<float>(mixer.norm.epsilon),
                       mixer.norm.weight.data() + first, nullptr, result.data());
  });
}

}  // namespace mhub::runtime
