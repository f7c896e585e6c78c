// SPDX-License-Identifier: Apache-2.0
#include "mapping_check.hpp"

#include <bit>
#include <cstring>
#include <random>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/formats/hf/hf_state.hpp"
#include "mhub/mapping/executor.hpp"
#include "mhub/mapping/mapping.hpp"
#include "mhub/mapping/state_map.hpp"

namespace mhub::converters {
namespace {

using Bytes = std::vector<std::byte>;
constexpr DType kType = DType::bf16;  // the narrowest in which a norm minus one is exact for some numbers

/// Somebody else's bytes as a file.
class Memory final : public ByteSource {
 public:
  explicit Memory(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }
  const std::string& name() const override { return name_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset)
      throw IoError("memory: read beyond the end");
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }
  std::span<const std::byte> map() const override { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
  std::string name_ = "memory";
};

/// Keeps what is written. Every tensor is one chunk, and the bytes of a chunk come in order.
class MemorySink final : public TensorSink {
 public:
  explicit MemorySink(std::size_t count) : tensors(count) {}
  void append(std::size_t tensor, std::size_t, std::span<const std::byte> data) override {
    tensors[tensor].insert(tensors[tensor].end(), data.begin(), data.end());
  }
  void finish() override {}

  std::vector<Bytes> tensors;
};

std::vector<StoredTensor> stored(const std::vector<StateTensor>& state, const std::vector<Bytes>& data) {
  std::vector<StoredTensor> tensors;
  for (std::size_t k = 0; k < state.size(); ++k) {
    const Shape& shape = state[k].shape;
    StoredChunk all{Index(shape.size(), 0), shape, row_major_strides(shape),
                    std::make_shared<Memory>(data[k])};
    tensors.push_back({state[k].name, kType, shape, {std::move(all)}});
  }
  return tensors;
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

/// Random bits; where values change, numbers to which small integers can be added without rounding.
std::vector<Bytes> random_data(const StateMap& map) {
  std::mt19937_64 random(1);
  const std::set<std::size_t> changed = changed_sources(map);
  std::vector<Bytes> data;
  for (std::size_t k = 0; k < map.source.size(); ++k) {
    const auto count = static_cast<std::size_t>(numel(map.source[k].shape));
    Bytes& bytes = data.emplace_back(count * size_of(kType));
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint16_t)) {
      std::uint64_t value = random();
      if (changed.contains(k))
        value = std::bit_cast<std::uint32_t>(static_cast<float>(value >> 57) / 64) >> 16;
      const auto bits = static_cast<std::uint16_t>(value);
      std::memcpy(bytes.data() + at, &bits, sizeof(bits));
    }
  }
  return data;
}

/// A plan that reads tensors which lie in memory.
struct Carried {
  Carried(const StateMap& map, const std::vector<Bytes>& data) : sources(stored(map.source, data)) {
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

void check_round_trip(const StateMap& import, MappingCheck& check) {
  const std::vector<Bytes> data = random_data(import);
  MemorySink megatron(import.destination.size());
  execute(Carried(import, data).plan, megatron, {});
  const Carried returned(inverted(import), megatron.tensors), original(identity_map(import.source), data);
  for (const Difference& difference : compare(original.plan, returned.plan, {}))
    check.problems.push_back(difference.tensor + " does not come back as it was");
}

std::int64_t elements_of(const StateMap& part, const std::string& file) {
  std::int64_t elements = 0;
  for (const StateTensor& tensor : part.source) elements += numel(tensor.shape);
  if (elements > kMostCheckedElements) {
    throw UsageError(file + ": " + part.source[0].name + " and what it is stored with have " +
                     std::to_string(elements) +
                     " elements, and --check keeps them in memory: take smaller sizes, at most " +
                     std::to_string(kMostCheckedElements));
  }
  return elements;
}

void check_config(const ModelDescriptor& model, const TransformerConfig& megatron, MappingCheck& check) {
  for (const std::string& field :
       differing_fields(megatron, model.megatron({model.config_json(megatron), "exported config.json"})))
    check.problems.push_back("the exported config.json builds another function: " + field);
}

/// Each part by itself, and of those that differ in names alone the first.
void check_parts(const StateMap& import, const std::string& file, MappingCheck& check) {
  std::set<std::string> seen;
  for (const StateMap& part : independent_parts(import)) {
    check.elements += elements_of(part, file);
    if (seen.insert(structure_of(part)).second) check_round_trip(part, check);
  }
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
  check_parts(mapping.import, config.file(), check);
  return check;
}

}  // namespace mhub::converters
