// SPDX-License-Identifier: Apache-2.0
// Conversions worked out but not done: the copy plan and its description.
#include <map>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/convert/disk_space.hpp"
#include "mhub/convert/export_plan.hpp"
#include "mhub/convert/output_format.hpp"

namespace mhub::converters {
namespace {

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
      if (!term.zero()) rank.files.insert(term.bytes->name());
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
      sources.insert(term.zero() ? term.bytes->name() : plan.sources[term.source]->name);
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
  conversion.plan = plan_export(source, conversion.output->layout(), options.dtype);
  conversion.output->set_dtypes(conversion.plan.tensors);
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
