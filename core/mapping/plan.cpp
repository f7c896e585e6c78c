// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/plan.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <span>
#include <utility>

#include "mhub/base/error.hpp"
#include "mhub/mapping/executor.hpp"
#include "mhub/mapping/shared_runs.hpp"
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

/// The elements of one type that lie one after another from `first` on, as elements of a wider type from 0
/// on. Reads begin and end between elements.
class Widened final : public ByteSource {
 public:
  Widened(std::shared_ptr<const ByteSource> bytes, std::uint64_t first, DType from, DType to)
      : bytes_(std::move(bytes)), first_(first), from_(from), to_(to) {}

  std::uint64_t size() const override { return (bytes_->size() - first_) / size_of(from_) * size_of(to_); }
  const std::string& name() const override { return bytes_->name(); }
  std::string fingerprint() const override { return bytes_->fingerprint(); }
  bool arrives() const override { return bytes_->arrives(); }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    constexpr std::size_t kMost = 1 << 16;  // elements at a time
    std::vector<std::byte> narrow;
    for (std::size_t done = 0; done < out.size();) {
      const std::size_t count = std::min(kMost, (out.size() - done) / size_of(to_));
      narrow.resize(count * size_of(from_));
      bytes_->read(first_ + (offset + done) / size_of(to_) * size_of(from_), narrow);
      convert_elements(from_, narrow.data(), to_, out.data() + done, count);
      done += count * size_of(to_);
    }
  }

 private:
  std::shared_ptr<const ByteSource> bytes_;
  std::uint64_t first_;
  DType from_, to_;
};

/// The terms of a destination tensor resolved to places on disk, of elements of one type; boxes still end in
/// the whole tensor.
std::vector<CopyTerm> located_terms(const std::vector<Term>& terms, DType dtype, CopyPlan& plan) {
  std::vector<CopyTerm> located;
  located.reserve(terms.size());
  for (const Term& term : terms) {
    if (!term.writes()) continue;
    if (term.zero()) {
      located.push_back({&zeros(), 0, Term::kZero, term.box});
      continue;
    }
    const StoredTensor& tensor = *plan.sources[term.source];
    for (const StoredChunk& chunk : tensor.chunks) {
      const ByteSource* bytes = chunk.bytes.get();
      std::uint64_t offset = chunk.byte_offset;
      if (tensor.dtype != dtype) {
        plan.widened.push_back(std::make_shared<Widened>(chunk.bytes, offset, tensor.dtype, dtype));
        bytes = plan.widened.back().get();
        offset = 0;
      }
      if (chunk.shape == tensor.shape && chunk.strides == row_major_strides(tensor.shape)) {
        located.push_back({bytes, offset, term.source, term.box});
        continue;
      }
      const Box stored = placed(chunk.offset, chunk.shape, chunk.strides, tensor.shape);
      for (Box& box : compose(stored, term.box))
        located.push_back({bytes, offset, term.source, std::move(box)});
    }
  }
  return located;
}

bool by_destination(const CopyTerm& a, const CopyTerm& b) {
  return a.box.destination_offset < b.box.destination_offset;
}

/// Sorted terms by where they are in the whole tensor, so that a chunk meets only those whose span it shares:
/// a tensor of 256 experts has as many chunks and twice as many terms.
class TermsBySpan {
 public:
  explicit TermsBySpan(const std::vector<CopyTerm>& terms) : terms_(terms) {
    std::int64_t last = 0;
    ends_.reserve(terms.size());
    for (const CopyTerm& term : terms_)
      ends_.push_back(last = std::max(last, term.box.destination_offset + destination_span(term.box)));
  }

  /// Those of the part of a chunk of that shape, numbered from its first element on.
  std::vector<CopyTerm> of(const SinkChunk& chunk, const Shape& whole) const {
    std::vector<CopyTerm> terms;
    const Box from_chunk = placed(chunk.offset, chunk.shape, row_major_strides(chunk.shape), whole);
    const Box to_chunk = inverted(from_chunk);
    const std::int64_t begin = from_chunk.destination_offset;
    for (const CopyTerm& term : within(begin, begin + destination_span(from_chunk))) {
      for (Box& box : compose(term.box, to_chunk))
        terms.push_back({term.bytes, term.byte_offset, term.source, std::move(box)});
    }
    std::sort(terms.begin(), terms.end(), by_destination);
    terms.shrink_to_fit();
    return terms;
  }

 private:
  /// Those that may have elements in [begin, end), and perhaps others.
  std::span<const CopyTerm> within(std::int64_t begin, std::int64_t end) const {
    const auto first = std::upper_bound(ends_.begin(), ends_.end(), begin) - ends_.begin();
    const auto last = std::partition_point(terms_.begin() + first, terms_.end(), [&](const CopyTerm& term) {
      return term.box.destination_offset < end;
    });
    return {terms_.begin() + first, last};
  }

  const std::vector<CopyTerm>& terms_;
  std::vector<std::int64_t> ends_;  ///< where the term, or one before it, ends
};

/// The chunks of a destination tensor, made of terms in the whole of it.
void add_chunks(SinkTensor& tensor, std::vector<CopyTerm> located, const ChunkPlan& any,
                std::vector<ChunkPlan>& chunks) {
  std::sort(located.begin(), located.end(), by_destination);
  const auto add = [&](std::size_t c, std::vector<CopyTerm> terms) {
    ChunkPlan& one = chunks.emplace_back(any);
    one.chunk = c;
    one.elements = numel(tensor.chunks[c].shape);
    one.terms = std::move(terms);
    tensor.chunks[c].phase = best_phase(one);
  };
  if (tensor.chunks.size() == 1 && tensor.chunks[0].shape == tensor.shape) return add(0, std::move(located));
  const TermsBySpan spans(located);
  for (std::size_t c = 0; c < tensor.chunks.size(); ++c) add(c, spans.of(tensor.chunks[c], tensor.shape));
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

DType natural_dtype(const std::vector<Term>& terms, const std::string& name,
                    const std::vector<const StoredTensor*>& sources) {
  const StoredTensor* first = nullptr;
  DType joined = DType::f32;
  for (const Term& term : terms) {
    if (term.zero() || !term.writes()) continue;
    const StoredTensor* one = sources[term.source];
    const auto wider = first == nullptr ? one->dtype : joined_dtype(joined, one->dtype);
    if (!wider) {
      throw InputError("tensor " + name + " is made of tensors of types that no type holds exactly: " +
                       first->name + " is " + std::string(torch_name(first->dtype)) + ", " + one->name +
                       " is " + std::string(torch_name(one->dtype)));
    }
    if (first == nullptr) first = one;
    joined = *wider;
  }
  return joined;
}

}  // namespace

DType natural_dtype(const StateMap& map, std::size_t destination,
                    const std::vector<const StoredTensor*>& sources) {
  return natural_dtype(map.terms[destination], map.destination[destination].name, sources);
}

std::vector<std::optional<DType>> joined_dtypes(const StateMap& map, std::vector<std::optional<DType>> own) {
  std::map<std::size_t, DType> joined;  // by tensor of the source
  const auto visit = [&](const auto& each) {
    for (std::size_t d = 0; d < own.size(); ++d) {
      for (const Term& term : map.terms[d]) {
        if (own[d] && !term.zero()) each(*own[d], joined.try_emplace(term.source, *own[d]).first->second);
      }
    }
  };
  visit([](DType one, DType& all) { all = joined_dtype(all, one).value_or(all); });
  visit([](DType& one, DType all) { one = joined_dtype(one, all).value_or(one); });
  return own;
}

namespace {

/// Binds a map's terms; `done` is told of each destination that is bound.
template <typename Done>
CopyPlan bound(const std::vector<std::vector<Term>>& terms, std::vector<const StoredTensor*> sources,
               std::vector<SinkTensor> tensors, const Done& done) {
  CopyPlan plan{std::move(sources), std::move(tensors), {}, {}};
  std::size_t chunks = 0;
  for (const SinkTensor& tensor : plan.tensors) chunks += tensor.chunks.size();
  plan.chunks.reserve(chunks);
  for (std::size_t d = 0; d < plan.tensors.size(); ++d) {
    SinkTensor& tensor = plan.tensors[d];
    const DType source_dtype = natural_dtype(terms[d], tensor.name, plan.sources);
    const double added = added_to(terms[d], tensor.name);
    if (!can_convert(source_dtype, tensor.dtype) || (added != 0 && !is_floating(source_dtype))) {
      throw InputError("tensor " + tensor.name + ": cannot cast " + std::string(torch_name(source_dtype)) +
                       " to " + std::string(torch_name(tensor.dtype)));
    }
    add_chunks(tensor, located_terms(terms[d], source_dtype, plan),
               {d, 0, 0, source_dtype, tensor.dtype, added, {}}, plan.chunks);
    done(d);
  }
  return plan;
}

}  // namespace

CopyPlan compile(const StateMap& map, std::vector<const StoredTensor*> sources,
                 std::vector<SinkTensor> tensors) {
  return bound(map.terms, std::move(sources), std::move(tensors), [](std::size_t) {});
}

CopyPlan compile(StateMap&& map, std::vector<const StoredTensor*> sources, std::vector<SinkTensor> tensors) {
  std::exchange(map.source, {});  // "= {}" would keep the memory
  std::exchange(map.destination, {});
  return bound(map.terms, std::move(sources), std::move(tensors),
               [&](std::size_t d) { std::exchange(map.terms[d], {}); });
}

std::set<std::string> source_names(const CopyPlan& plan, const ChunkPlan& chunk) {
  std::set<std::string> names;
  for (const CopyTerm& term : chunk.terms) {
    if (!term.zero()) names.insert(plan.sources[term.source]->name);
  }
  return names;
}

std::uint64_t byte_size(const ChunkPlan& chunk) {
  return static_cast<std::uint64_t>(chunk.elements) * size_of(chunk.dtype);
}

std::uint64_t byte_size(const CopyPlan& plan) {
  std::uint64_t bytes = 0;
  for (const ChunkPlan& chunk : plan.chunks) bytes += byte_size(chunk);
  return bytes;
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
