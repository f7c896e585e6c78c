// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/plan.hpp"

#include <algorithm>
#include <limits>
#include <span>

#include "mhub/base/error.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub {
namespace {

/// Elements of a rectangular part, numbered by `strides`, to the linear elements of the row-major whole.
Box placed(const Index& offset, const Shape& part, const Index& strides, const Shape& whole) {
  const Index outer = row_major_strides(whole);
  Box box;
  for (std::size_t axis = 0; axis < part.size(); ++axis) {
    box.destination_offset += offset[axis] * outer[axis];
    box.loops.push_back({part[axis], strides[axis], outer[axis]});
  }
  return normalized(std::move(box));
}

/// What padding is read from: as many zero bytes as anyone asks for.
class Zeros final : public ByteSource {
 public:
  std::uint64_t size() const override { return std::numeric_limits<std::uint64_t>::max(); }
  const std::string& name() const override { return name_; }
  void read(std::uint64_t, std::span<std::byte> out) const override {
    std::fill(out.begin(), out.end(), std::byte{0});
  }

 private:
  std::string name_ = "(zeros)";
};

const Zeros& zeros() {
  static const Zeros endless;
  return endless;
}

/// The terms of a destination tensor resolved to places on disk; boxes still end in the whole tensor.
std::vector<CopyTerm> located_terms(const StateMap& map, std::size_t destination,
                                    const std::vector<const StoredTensor*>& sources) {
  std::vector<CopyTerm> located;
  for (const Term& term : map.terms[destination]) {
    if (!term.writes()) continue;
    if (term.zero()) {
      located.push_back({&zeros(), 0, Term::kZero, term.box});
      continue;
    }
    const StoredTensor& tensor = *sources[term.source];
    for (const StoredChunk& chunk : tensor.chunks) {
      const Box stored = placed(chunk.offset, chunk.shape, chunk.strides, tensor.shape);
      for (Box& box : compose(stored, term.box)) {
        located.push_back({chunk.bytes.get(), chunk.byte_offset, term.source, std::move(box)});
      }
    }
  }
  return located;
}

}  // namespace

DType natural_dtype(const StateMap& map, std::size_t destination,
                    const std::vector<const StoredTensor*>& sources) {
  const StoredTensor* first = nullptr;
  for (const Term& term : map.terms[destination]) {
    if (term.zero() || !term.writes()) continue;
    const StoredTensor* one = sources[term.source];
    if (first == nullptr) first = one;
    if (one->dtype != first->dtype) {
      throw InputError("tensor " + map.destination[destination].name +
                       " is made of tensors of different types: " + first->name + " is " +
                       std::string(torch_name(first->dtype)) + ", " + one->name + " is " +
                       std::string(torch_name(one->dtype)));
    }
  }
  return first == nullptr ? DType::f32 : first->dtype;
}

CopyPlan compile(const StateMap& map, std::vector<const StoredTensor*> sources,
                 std::vector<SinkTensor> tensors) {
  CopyPlan plan{std::move(sources), std::move(tensors), {}};
  for (std::size_t d = 0; d < plan.tensors.size(); ++d) {
    const SinkTensor& tensor = plan.tensors[d];
    const DType source_dtype = natural_dtype(map, d, plan.sources);
    const double added = added_to(map, d);
    if (!can_convert(source_dtype, tensor.dtype) || (added != 0 && !is_floating(source_dtype))) {
      throw InputError("tensor " + tensor.name + ": cannot cast " + std::string(torch_name(source_dtype)) +
                       " to " + std::string(torch_name(tensor.dtype)));
    }
    const std::vector<CopyTerm> located = located_terms(map, d, plan.sources);
    for (std::size_t c = 0; c < tensor.chunks.size(); ++c) {
      const SinkChunk& chunk = tensor.chunks[c];
      const Box to_chunk =
          inverted(placed(chunk.offset, chunk.shape, row_major_strides(chunk.shape), tensor.shape));
      ChunkPlan one{d, c, numel(chunk.shape), source_dtype, tensor.dtype, added, {}};
      for (const CopyTerm& term : located) {
        for (Box& box : compose(term.box, to_chunk)) {
          one.terms.push_back({term.bytes, term.byte_offset, term.source, std::move(box)});
        }
      }
      std::sort(one.terms.begin(), one.terms.end(), [](const CopyTerm& a, const CopyTerm& b) {
        return a.box.destination_offset < b.box.destination_offset;
      });
      plan.chunks.push_back(std::move(one));
    }
  }
  return plan;
}

std::uint64_t byte_size(const ChunkPlan& chunk) {
  return static_cast<std::uint64_t>(chunk.elements) * size_of(chunk.dtype);
}

}  // namespace mhub
