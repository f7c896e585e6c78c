// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <random>
#include <vector>

#include "mhub/mapping/box.hpp"

namespace mhub::tests {

inline std::int64_t uniform(std::mt19937& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

inline Shape random_shape(std::mt19937& random, std::int64_t largest = 6) {
  Shape shape(static_cast<std::size_t>(uniform(random, 1, 4)));
  for (std::int64_t& size : shape) size = uniform(random, 1, largest);
  return shape;
}

/// A random split, slice and permutation of a tensor of that shape.
inline View random_view(std::mt19937& random, const Shape& shape) {
  View view(shape);
  for (int round = 0; round < 3; ++round) {
    const auto axis =
        static_cast<std::size_t>(uniform(random, 0, static_cast<std::int64_t>(view.shape().size()) - 1));
    const std::int64_t size = view.shape()[axis];
    for (std::int64_t factor = 2; factor < size; ++factor) {
      if (size % factor == 0 && uniform(random, 0, 1) == 1) {
        view = view.split(axis, {size / factor, factor});
        break;
      }
    }
  }
  for (std::size_t axis = 0; axis < view.shape().size(); ++axis) {
    if (uniform(random, 0, 2) != 0) continue;
    const std::int64_t start = uniform(random, 0, view.shape()[axis] - 1);
    const std::int64_t step = uniform(random, 1, 2);
    const std::int64_t most = (view.shape()[axis] - 1 - start) / step + 1;
    view = view.slice(axis, start, uniform(random, 1, most), step);
  }
  std::vector<std::size_t> order(view.shape().size());
  for (std::size_t axis = 0; axis < order.size(); ++axis) order[axis] = axis;
  std::shuffle(order.begin(), order.end(), random);
  return view.permute(order);
}

/// Every (source, destination) pair of a box, sorted by destination.
inline std::vector<std::pair<std::int64_t, std::int64_t>> pairs(const Box& box) {
  std::vector<std::pair<std::int64_t, std::int64_t>> out{{box.source_offset, box.destination_offset}};
  for (const Loop& loop : box.loops) {
    std::vector<std::pair<std::int64_t, std::int64_t>> next;
    for (const auto& [s, d] : out) {
      for (std::int64_t i = 0; i < loop.extent; ++i) {
        next.emplace_back(s + i * loop.source_stride, d + i * loop.destination_stride);
      }
    }
    out = std::move(next);
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return out;
}

}  // namespace mhub::tests
