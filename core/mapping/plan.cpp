// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/plan.hpp"

#include <algorithm>
#include <limits>

#include "mhub/base/error.hpp"
#include "mhub/mapping/executor.hpp"
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

/// The plan of one destination tensor with the values as they are stored.
CopyPlan unchanged(const StateMap& map, std::size_t destination,
                   const std::vector<const StoredTensor*>& sources) {
  const StateTensor& tensor = map.destination[destination];
  StateMap one{{}, {tensor}, {map.terms[destination]}};
  std::erase_if(one.terms[0], [](const Term& term) { return !term.writes(); });
  std::vector<const StoredTensor*> used;  // those of a large model are many
  for (Term& term : one.terms[0]) {
    term.added = 0;
    if (term.zero()) continue;
    used.push_back(sources[term.source]);
    one.source.push_back(map.source[term.source]);
    term.source = used.size() - 1;
  }
  const DType dtype = natural_dtype(one, 0, used);
  return compile(one, std::move(used), {SinkTensor::whole(tensor.name, dtype, tensor.shape)});
}

/// The first element of the plan's tensor that `dtype` cannot hold with `added`: where and its value.
struct Lost {
  std::int64_t index;
  double value;
};
std::optional<Lost> first_lost(const ChunkPlan& chunk, DType dtype, double added) {
  WindowReader reader;
  std::vector<std::byte> window;
  const std::size_t size = size_of(chunk.dtype);
  const std::int64_t step = window_elements(chunk);
  for (std::int64_t begin = 0; begin < chunk.elements; begin += step) {
    const auto count = static_cast<std::size_t>(std::min(step, chunk.elements - begin));
    window.resize(count * size);
    reader.read(chunk, begin, static_cast<std::int64_t>(count), window);
    const std::size_t at = first_inexact(chunk.dtype, window.data(), dtype, count, added);
    if (at == count) continue;
    double value = 0;
    convert_elements(chunk.dtype, window.data() + at * size, DType::f64, reinterpret_cast<std::byte*>(&value),
                     1);
    return Lost{begin + static_cast<std::int64_t>(at), value};
  }
  return std::nullopt;
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

DType exact_dtype(const StateMap& map, std::size_t destination,
                  const std::vector<const StoredTensor*>& sources, std::span<const DType> candidates) {
  const CopyPlan plan = unchanged(map, destination, sources);
  const double added = added_to(map, destination);
  std::optional<Lost> lost;
  for (const DType dtype : candidates) {
    lost = first_lost(plan.chunks[0], dtype, added);
    if (!lost) return dtype;
  }
  const std::string tried = candidates.empty() ? "" : std::string(torch_name(candidates.back()));
  throw InputError("tensor " + map.destination[destination].name + ": element " +
                   std::to_string(lost ? lost->index : 0) + " is made of " +
                   shortest(lost ? lost->value : 0) + (added < 0 ? " minus " : " plus ") +
                   shortest(added < 0 ? -added : added) + ", which is not exact in " + tried +
                   "; --dtype asks for a cast, which rounds");
}

}  // namespace mhub
