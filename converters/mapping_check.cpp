// SPDX-License-Identifier: Apache-2.0
#include "mapping_check.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/formats/hf/hf_state.hpp"
#include "mhub/mapping/executor.hpp"
#include "mhub/mapping/mapping.hpp"
#include "mhub/mapping/state_map.hpp"

namespace mhub::converters {
namespace {

constexpr DType kType = DType::bf16;  // the narrowest in which a norm minus one is exact for some numbers

/// A mapping that reads what a tensor does not have is wrong, also where nothing is stored.
void require_inside(const ByteSource& source, std::uint64_t offset, std::size_t size) {
  if (offset > source.size() || size > source.size() - offset)
    throw IoError(source.name() + ": read beyond the end");
}

/// Elements of which nobody has to keep any: each is a function of its number.
class RandomElements final : public ByteSource {
 public:
  /// `small`: numbers to which small integers can be added without rounding; else any bits.
  RandomElements(const StateTensor& tensor, std::uint64_t seed, bool small)
      : name_(tensor.name), elements_(numel(tensor.shape)), seed_(seed), small_(small) {}
  std::uint64_t size() const override { return static_cast<std::uint64_t>(elements_) * size_of(kType); }
  const std::string& name() const override { return name_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    require_inside(*this, offset, out.size());
    for (std::size_t at = 0; at < out.size(); at += sizeof(std::uint16_t)) {
      const std::uint16_t bits = element((offset + at) / sizeof(bits));
      std::memcpy(out.data() + at, &bits, sizeof(bits));
    }
  }

 private:
  /// splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
  std::uint16_t element(std::uint64_t number) const {
    std::uint64_t z = seed_ + (number + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    if (small_) z = std::bit_cast<std::uint32_t>(static_cast<float>(z >> 57) / 64) >> 16;
    return static_cast<std::uint16_t>(z);
  }

  std::string name_;
  std::int64_t elements_;
  std::uint64_t seed_;
  bool small_;
};

/// A chunk of a plan as a file, made where it is read.
class MadeElements final : public ByteSource {
 public:
  /// Borrows the chunk.
  MadeElements(const ChunkPlan& chunk, std::string name) : chunk_(chunk), name_(std::move(name)) {}
  std::uint64_t size() const override { return byte_size(chunk_); }
  const std::string& name() const override { return name_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    require_inside(*this, offset, out.size());
    WindowReader().read(chunk_, static_cast<std::int64_t>(offset / size_of(kType)),
                        static_cast<std::int64_t>(out.size() / size_of(kType)), out);
  }

 private:
  const ChunkPlan& chunk_;
  std::string name_;
};

StoredTensor stored(const StateTensor& tensor, std::shared_ptr<const ByteSource> bytes) {
  StoredChunk all{Index(tensor.shape.size(), 0), tensor.shape, row_major_strides(tensor.shape),
                  std::move(bytes)};
  return {tensor.name, kType, tensor.shape, {std::move(all)}};
}

/// Source tensors whose values change on the way.
std::set<std::size_t> changed_sources(const StateMap& map) {
  std::set<std::size_t> changed;
  for (const std::vector<Term>& terms : map.terms) {
    for (const Term& term : terms) {
      if (term.added != 0) changed.insert(term.source);
    }
  }
  return changed;
}

/// A plan that reads such tensors.
struct Carried {
  Carried(const StateMap& map, std::vector<StoredTensor> from) : sources(std::move(from)) {
    std::vector<const StoredTensor*> pointers;
    for (const StoredTensor& source : sources) pointers.push_back(&source);
    std::vector<SinkTensor> wanted;
    for (const StateTensor& tensor : map.destination)
      wanted.push_back(SinkTensor::whole(tensor.name, kType, tensor.shape));
    plan = compile(map, std::move(pointers), std::move(wanted));
  }

  const std::vector<StoredTensor> sources;
  CopyPlan plan;
};

/// Elements of a window; each may be a read of its own where a tensor is turned. Fewer where so many parts
/// differ from each other (layers of as many sizes) that whole windows of all would take minutes.
std::int64_t window_of(std::size_t parts) {
  constexpr std::int64_t kLargest = 1 << 16, kSmallest = 1 << 8, kOfAll = 1 << 25;
  return std::clamp(kOfAll / static_cast<std::int64_t>(parts), kSmallest, kLargest);
}

/// Where windows of a chunk begin that together say whether it is right: all of them, or of a large one the
/// first, the last and some between.
std::vector<std::int64_t> windows(std::int64_t elements, std::int64_t window) {
  constexpr std::int64_t kCompared = 64, kSampled = 16;
  const std::int64_t count = (elements + window - 1) / window;
  std::vector<std::int64_t> begins;
  if (count <= kCompared) {
    for (std::int64_t k = 0; k < count; ++k) begins.push_back(k * window);
  } else {
    for (std::int64_t k = 0; k < kSampled; ++k) begins.push_back((elements - window) * k / (kSampled - 1));
  }
  return begins;
}

/// Whether a chunk makes the elements of `expected`.
bool makes(const ChunkPlan& chunk, const ByteSource& expected, std::int64_t window) {
  WindowReader reader;
  std::vector<std::byte> made, wanted;
  for (const std::int64_t begin : windows(chunk.elements, window)) {
    const std::int64_t count = std::min(window, chunk.elements - begin);
    made.resize(static_cast<std::size_t>(count) * size_of(kType));
    wanted.resize(made.size());
    reader.read(chunk, begin, count, made);
    expected.read(static_cast<std::uint64_t>(begin) * size_of(kType), wanted);
    if (made != wanted) return false;
  }
  return true;
}

void check_round_trip(const StateMap& import, std::int64_t window, MappingCheck& check) {
  const std::set<std::size_t> changed = changed_sources(import);
  std::vector<StoredTensor> hf, megatron;
  for (std::size_t k = 0; k < import.source.size(); ++k)
    hf.push_back(
        stored(import.source[k], std::make_shared<RandomElements>(import.source[k], k, changed.contains(k))));
  const Carried there(import, hf);
  for (std::size_t d = 0; d < import.destination.size(); ++d) {
    const StateTensor& tensor = import.destination[d];
    megatron.push_back(stored(tensor, std::make_shared<MadeElements>(there.plan.chunks[d], tensor.name)));
  }
  const Carried back(inverted(import), std::move(megatron));
  for (std::size_t k = 0; k < import.source.size(); ++k) {
    if (!makes(back.plan.chunks[k], *hf[k].chunks[0].bytes, window))
      check.problems.push_back(import.source[k].name + " does not come back as it was");
  }
}

void check_config(const ModelDescriptor& model, const TransformerConfig& megatron, MappingCheck& check) {
  for (const std::string& field :
       differing_fields(megatron, model.megatron({model.config_json(megatron), "exported config.json"})))
    check.problems.push_back("the exported config.json builds another function: " + field);
}

/// Each part by itself, and of those that differ in names alone the first.
void check_parts(const StateMap& import, MappingCheck& check) {
  std::set<std::string> seen;
  std::vector<StateMap> different;
  for (StateMap& part : independent_parts(import)) {
    for (const StateTensor& tensor : part.source) check.elements += numel(tensor.shape);
    if (seen.insert(structure_of(part)).second) different.push_back(std::move(part));
  }
  const std::int64_t window = window_of(std::max<std::size_t>(1, different.size()));
  for (const StateMap& part : different) check_round_trip(part, window, check);
}

}  // namespace

MappingCheck check_mapping(const ModelDescriptor& model, const ConfigReader& config) {
  MappingCheck check;
  const TransformerConfig megatron = megatron_config(model, config);
  if (model.config_json) check_config(model, megatron, check);
  const Mapping declared = declared_mapping(model, config);
  for (std::string& problem : contradictions(declared)) check.problems.push_back(std::move(problem));
  if (!check.problems.empty()) return check;
  const ExpandedMapping mapping = expand(declared);
  check.hf_tensors = static_cast<std::int64_t>(mapping.import.source.size());
  check.megatron_tensors = static_cast<std::int64_t>(mapping.canonical.size());
  check_parts(mapping.import, check);
  return check;
}

}  // namespace mhub::converters
