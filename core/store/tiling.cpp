// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/tiling.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

bool overlap(const StoredChunk& a, const StoredChunk& b) {
  for (std::size_t axis = 0; axis < a.shape.size(); ++axis) {
    if (a.offset[axis] >= b.offset[axis] + b.shape[axis] || b.offset[axis] >= a.offset[axis] + a.shape[axis])
      return false;
  }
  return true;
}

}  // namespace

void check_tiling(const StoredTensor& tensor, const std::string& what) {
  auto fail = [&](const std::string& problem) {
    throw InputError(what + ": tensor " + tensor.name + " " + to_string(tensor.shape) + ": " + problem);
  };
  std::int64_t covered = 0;
  for (const StoredChunk& chunk : tensor.chunks) {
    if (chunk.offset.size() != tensor.shape.size() || chunk.shape.size() != tensor.shape.size())
      fail("a chunk has another number of axes");
    for (std::size_t axis = 0; axis < tensor.shape.size(); ++axis) {
      if (chunk.offset[axis] < 0 || chunk.shape[axis] < 0 || chunk.offset[axis] > tensor.shape[axis] ||
          chunk.shape[axis] > tensor.shape[axis] - chunk.offset[axis]) {
        fail("chunk at " + to_string(chunk.offset) + " of size " + to_string(chunk.shape) +
             " reaches outside");
      }
    }
    covered += numel(chunk.shape);
  }
  if (covered != numel(tensor.shape)) fail("its chunks hold " + std::to_string(covered) + " elements");
  if (tensor.shape.empty()) return;
  // Equal volume and no overlap means an exact cover. Sorted by their start on the first axis, only chunks
  // that share a stretch of it can overlap.
  std::vector<const StoredChunk*> order;
  for (const StoredChunk& chunk : tensor.chunks) order.push_back(&chunk);
  std::sort(order.begin(), order.end(),
            [](const StoredChunk* a, const StoredChunk* b) { return a->offset < b->offset; });
  std::vector<const StoredChunk*> open;
  for (const StoredChunk* chunk : order) {
    std::erase_if(open, [&](const StoredChunk* o) { return o->offset[0] + o->shape[0] <= chunk->offset[0]; });
    for (const StoredChunk* other : open) {
      if (overlap(*other, *chunk))
        fail("chunks at " + to_string(other->offset) + " and " + to_string(chunk->offset) + " overlap");
    }
    open.push_back(chunk);
  }
}

}  // namespace mhub
