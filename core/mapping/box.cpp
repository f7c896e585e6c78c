// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/box.hpp"

#include <algorithm>
#include <stdexcept>

#include "mhub/base/config_error.hpp"

namespace mhub {
namespace {

void require(bool condition, const char* operation, const Shape& shape) {
  if (!condition)
    throw std::logic_error(std::string("View::") + operation + " does not fit " + to_string(shape));
}

}  // namespace

Box normalized(Box box) {
  Loops& loops = box.loops;
  loops.erase(std::remove_if(loops.begin(), loops.end(), [](const Loop& loop) { return loop.extent == 1; }),
              loops.end());
  if (loops.size() < 2) return box;
  std::sort(loops.begin(), loops.end(), [](const Loop& a, const Loop& b) {
    if (a.destination_stride != b.destination_stride) return a.destination_stride > b.destination_stride;
    return a.source_stride > b.source_stride;
  });
  auto last = loops.begin();
  for (auto at = last + 1; at != loops.end(); ++at) {
    if (last->source_stride == at->extent * at->source_stride &&
        last->destination_stride == at->extent * at->destination_stride) {
      *last = {last->extent * at->extent, at->source_stride, at->destination_stride};
    } else {
      *++last = *at;
    }
  }
  loops.erase(last + 1, loops.end());
  return box;
}

Box run_box(std::int64_t source_offset, std::int64_t destination_offset, std::int64_t count) {
  return normalized({source_offset, destination_offset, {{count, 1, 1}}});
}

std::int64_t element_count(const Box& box) {
  std::int64_t count = 1;
  for (const Loop& loop : box.loops) count *= loop.extent;
  return count;
}

std::int64_t destination_span(const Box& box) {
  std::int64_t span = 1;
  for (const Loop& loop : box.loops) span += (loop.extent - 1) * loop.destination_stride;
  return span;
}

Box inverted(const Box& box) {
  Box result{box.destination_offset, box.source_offset, box.loops};
  for (Loop& loop : result.loops) std::swap(loop.source_stride, loop.destination_stride);
  return normalized(std::move(result));
}

View::View(const Shape& shape) : shape_(shape) {
  numel(shape);  // the strides fit when this does
  strides_ = row_major_strides(shape);
  for (const std::int64_t extent : shape) {
    if (extent < 1)
      throw ConfigError("a tensor would have the shape " + to_string(shape) +
                        "; sizes in the config contradict each other");
  }
}

View View::split(std::size_t axis, const Shape& extents) const {
  require(axis < shape_.size() && numel(extents) == shape_[axis], "split", shape_);
  View result = *this;
  Index inner = row_major_strides(extents);
  for (std::int64_t& stride : inner) stride *= strides_[axis];
  const auto at = static_cast<std::ptrdiff_t>(axis);
  result.shape_.erase(result.shape_.begin() + at);
  result.shape_.insert(result.shape_.begin() + at, extents.begin(), extents.end());
  result.strides_.erase(result.strides_.begin() + at);
  result.strides_.insert(result.strides_.begin() + at, inner.begin(), inner.end());
  return result;
}

View View::slice(std::size_t axis, std::int64_t start, std::int64_t count, std::int64_t step) const {
  require(axis < shape_.size() && start >= 0 && count >= 1 && step >= 1 &&
              start + (count - 1) * step < shape_[axis],
          "slice", shape_);
  View result = *this;
  result.offset_ += start * strides_[axis];
  result.shape_[axis] = count;
  result.strides_[axis] *= step;
  return result;
}

View View::select(std::size_t axis, std::int64_t index) const {
  View result = slice(axis, index, 1);
  result.shape_.erase(result.shape_.begin() + static_cast<std::ptrdiff_t>(axis));
  result.strides_.erase(result.strides_.begin() + static_cast<std::ptrdiff_t>(axis));
  return result;
}

View View::permute(const std::vector<std::size_t>& order) const {
  require(order.size() == shape_.size(), "permute", shape_);
  View result = *this;
  std::vector<bool> used(order.size(), false);
  for (std::size_t axis = 0; axis < order.size(); ++axis) {
    require(order[axis] < order.size() && !used[order[axis]], "permute", shape_);
    used[order[axis]] = true;
    result.shape_[axis] = shape_[order[axis]];
    result.strides_[axis] = strides_[order[axis]];
  }
  return result;
}

Box zip(const View& source, const View& destination) {
  require(source.shape() == destination.shape(), "zip", destination.shape());
  Box box{source.offset(), destination.offset(), {}};
  for (std::size_t axis = 0; axis < source.shape().size(); ++axis) {
    box.loops.push_back({source.shape()[axis], source.strides()[axis], destination.strides()[axis]});
  }
  return normalized(std::move(box));
}

}  // namespace mhub
