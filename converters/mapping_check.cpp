#include "mapping_check.hpp"

#include <bit>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>

#include "mhub/base/error.hpp"
#include "mhub/mapping/executor.hpp"

namespace mhub::converters {
namespace {

using Bytes = std::vector<std::byte>;

class Memory final : public ByteSource {
 public:
  explicit Memory(Bytes bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  const std::string& name() const override { return name_; }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset)
      throw IoError("memory: read beyond the end");
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }
  std::span<const std::byte> map() const override { return bytes_; }

 private:
  Bytes bytes_;
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

Index row_major(const Shape& shape) {
  Index strides(shape.size(), 1);
  for (std::size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

std::vector<StoredTensor> stored(const std::vector<StateTensor>& state, std::vector<Bytes> data) {
  std::vector<StoredTensor> tensors;
  for (std::size_t k = 0; k < state.size(); ++k) {
    const Shape& shape = state[k].shape;
    const Index origin(shape.size(), 0);
    tensors.push_back({state[k].name,
                       DType::f32,
                       shape,
                       {{origin, shape, row_major(shape), std::make_shared<Memory>(std::move(data[k])), 0}}});
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
    Bytes& bytes = data.emplace_back(count * size_of(DType::f32));
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint32_t)) {
      auto value = static_cast<std::uint32_t>(random());
      if (changed.contains(k)) value = std::bit_cast<std::uint32_t>(static_cast<float>(value >> 20) / 1024);
      std::memcpy(bytes.data() + at, &value, sizeof(value));
    }
  }
  return data;
}

std::vector<Bytes> carried(const StateMap& map, const std::vector<StoredTensor>& sources) {
  std::vector<const StoredTensor*> pointers;
  for (const StoredTensor& source : sources) pointers.push_back(&source);
  std::vector<SinkTensor> wanted;
  for (const StateTensor& tensor : map.destination) {
    const Index origin(tensor.shape.size(), 0);
    wanted.push_back({tensor.name, DType::f32, tensor.shape, {{origin, tensor.shape, 0}}});
  }
  MemorySink sink(wanted.size());
  execute(compile(map, std::move(pointers), std::move(wanted)), sink, {});
  return std::move(sink.tensors);
}

void check_round_trip(const StateMap& import, MappingCheck& check) {
  const std::vector<Bytes> data = random_data(import);
  const std::vector<Bytes> megatron = carried(import, stored(import.source, data));
  const StateMap back = inverted(import);
  const std::vector<Bytes> returned = carried(back, stored(back.source, megatron));
  for (std::size_t d = 0; d < back.destination.size(); ++d) {
    for (std::size_t s = 0; s < import.source.size(); ++s) {
      if (import.source[s].name == back.destination[d].name && data[s] != returned[d])
        check.problems.push_back(import.source[s].name + " does not come back as it was");
    }
  }
}

/// Refuses a model that is too large to keep in memory three times.
void check_size(const std::vector<StateTensor>& source, const std::string& file, MappingCheck& check) {
  for (const StateTensor& tensor : source) check.elements += numel(tensor.shape);
  if (check.elements > kMostCheckedElements) {
    throw UsageError(file + ": the model has " + std::to_string(check.elements) +
                     " elements, and --check moves every one of them: take smaller sizes, at most " +
                     std::to_string(kMostCheckedElements));
  }
}

}  // namespace

MappingCheck check_mapping(const ModelDescriptor& model, const ConfigReader& config) {
  MappingCheck check;
  try {
    const TransformerConfig megatron = model.megatron(config);
    for (const std::string& field :
         differing_fields(megatron, model.megatron({model.config_json(megatron), "exported config.json"})))
      check.problems.push_back("the exported config.json builds another function: " + field);
    const ExpandedMapping mapping = expand(model.mapping(config));
    check.hf_tensors = static_cast<std::int64_t>(mapping.import.source.size());
    check.megatron_tensors = static_cast<std::int64_t>(mapping.canonical.size());
    check_size(mapping.import.source, config.file(), check);
    check_round_trip(mapping.import, check);
  } catch (const std::logic_error& error) {  // how a declaration that contradicts itself is reported
    check.problems.emplace_back(error.what());
  }
  return check;
}

}  // namespace mhub::converters
