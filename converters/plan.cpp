// Conversions worked out but not done: the copy plan and its description.
#include <map>
#include <set>

#include "disk_space.hpp"
#include "hf_layout.hpp"
#include "mhub/base/error.hpp"
#include "mhub/mapping/exact_dtype.hpp"
#include "mhub/tensor/convert.hpp"
#include "output_format.hpp"

namespace mhub::converters {
namespace {

/// The types to try for a tensor whose values change: the one that it had before it was converted to what is
/// read now, the model's, its own, then wider ones.
std::vector<DType> candidate_dtypes(const SinkTensor& tensor, const Checkpoint& source, DType model) {
  std::vector<DType> candidates;
  if (source.manifest.is_object()) {
    const nlohmann::json recorded = source.manifest.value("hf_dtypes", nlohmann::json::object());
    const auto name = recorded.is_object() ? recorded.find(tensor.name) : recorded.end();
    if (name != recorded.end() && name->is_string()) {
      if (const auto dtype = dtype_from_torch(name->get<std::string>()); dtype && is_floating(*dtype))
        candidates.push_back(*dtype);
    }
  }
  candidates.insert(candidates.end(), {model, tensor.dtype, DType::f32, DType::f64});
  std::erase_if(candidates, [](DType dtype) { return !can_convert(DType::f64, dtype); });
  return candidates;
}

/// Every stored tensor's type: the one asked for where its sources are floating-point, else its sources' own,
/// or, where values change on the way, one that holds them exactly.
std::vector<SinkTensor> typed(const StateMap& map, const Checkpoint& source, std::optional<DType> wanted,
                              std::vector<SinkTensor> tensors) {
  for (std::size_t d = 0; d < tensors.size(); ++d) {
    const DType natural = natural_dtype(map, d, source.state.sources);
    tensors[d].dtype = wanted && is_floating(natural) ? *wanted : natural;
  }
  if (wanted) return tensors;
  const DType model = main_dtype(tensors);
  for (std::size_t d = 0; d < tensors.size(); ++d) {
    if (added_to(map, d) != 0)
      tensors[d].dtype =
          exact_dtype(map, d, source.state.sources, candidate_dtypes(tensors[d], source, model));
  }
  return tensors;
}

nlohmann::json describe_ranks(const CopyPlan& plan) {
  struct Rank {
    std::set<std::size_t> tensors;
    std::uint64_t bytes = 0;
    std::set<std::string> files;
  };
  std::map<int, Rank> ranks;
  for (const ChunkPlan& chunk : plan.chunks) {
    Rank& rank = ranks[plan.tensors[chunk.tensor].chunks[chunk.chunk].rank];
    rank.tensors.insert(chunk.tensor);
    rank.bytes += byte_size(chunk);
    for (const CopyTerm& term : chunk.terms) {
      if (term.bytes != nullptr) rank.files.insert(term.bytes->name());
    }
  }
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [number, rank] : ranks) {
    list.push_back({{"rank", number},
                    {"tensors", rank.tensors.size()},
                    {"bytes", rank.bytes},
                    {"source_files", rank.files}});
  }
  return list;
}

nlohmann::json describe_chunks(const CopyPlan& plan) {
  nlohmann::json chunks = nlohmann::json::array();
  for (const ChunkPlan& chunk : plan.chunks) {
    const SinkTensor& tensor = plan.tensors[chunk.tensor];
    const SinkChunk& place = tensor.chunks[chunk.chunk];
    std::set<std::string> sources;
    for (const CopyTerm& term : chunk.terms)
      sources.insert(term.bytes == nullptr ? "(zeros)" : plan.sources[term.source]->name);
    chunks.push_back({{"name", tensor.name},
                      {"rank", place.rank},
                      {"offset", place.offset},
                      {"shape", place.shape},
                      {"dtype", torch_name(tensor.dtype)},
                      {"bytes", byte_size(chunk)},
                      {"sources", sources}});
  }
  return chunks;
}

}  // namespace

Conversion::Conversion() = default;
Conversion::Conversion(Conversion&&) noexcept = default;
Conversion::~Conversion() = default;

std::uint64_t total_bytes(const CopyPlan& plan) {
  std::uint64_t bytes = 0;
  for (const ChunkPlan& chunk : plan.chunks) bytes += byte_size(chunk);
  return bytes;
}

Conversion plan_conversion(const ConvertOptions& options) {
  Conversion conversion;
  conversion.source = open_checkpoint(options.source, {nullptr, options.hf_reference, options.hf_class});
  const Checkpoint& source = conversion.source;
  if (source.model == nullptr) throw InputError(source.unknown_model);
  conversion.output = make_output_format(options, source);
  const Layout& layout = conversion.output->layout();
  const StateMap map = compose(source.state.to_canonical, layout.map, options.source);
  check_destination_coverage(map, options.source);
  std::vector<SinkTensor> tensors = typed(map, source, options.dtype, layout.tensors);
  conversion.output->set_dtypes(tensors);
  conversion.plan = compile(map, source.state.sources, std::move(tensors));
  return conversion;
}

nlohmann::json describe_plan(const Conversion& conversion, const ConvertOptions& options) {
  return {{"source", conversion.source.path},
          {"model", conversion.source.model->class_name},
          {"format", conversion.output->describe()["format"]},
          {"total_bytes", total_bytes(conversion.plan)},
          {"free_bytes", free_space(options.output)},
          {"ranks", describe_ranks(conversion.plan)},
          {"chunks", describe_chunks(conversion.plan)}};
}

}  // namespace mhub::converters
