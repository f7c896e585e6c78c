// SPDX-License-Identifier: Apache-2.0
// Conversions worked out but not done: the copy plan and its description.
#include <map>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/convert/convert.hpp"
#include "mhub/convert/disk_space.hpp"
#include "mhub/convert/export_plan.hpp"
#include "mhub/formats/format.hpp"

namespace mhub {
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

Conversion::Conversion(std::shared_ptr<const Checkpoint> source, const WriteOptions& options)
    : source_(std::move(source)), casts_(options.dtype.has_value()) {
  if (source_->model == nullptr) throw InputError(source_->unknown_model);
  const Format& format = options.format.empty() ? *formats().front() : format_named(options.format);
  std::shared_ptr<OutputFormat> output = format.output(options, *source_);
  copies_ = std::make_shared<CopyPlan>(plan_export(*source_, output->layout(), options.dtype));
  output->set_dtypes(copies_->tensors);
  output_ = std::move(output);
}

std::uint64_t Conversion::bytes() const {
  std::uint64_t bytes = 0;
  for (const ChunkPlan& chunk : copies_->chunks) bytes += byte_size(chunk);
  return bytes;
}

Conversion plan(const std::string& source, const WriteOptions& options, const OpenOptions& open) {
  return {std::make_shared<const Checkpoint>(open_checkpoint(source, open)), options};
}

nlohmann::json describe(const Conversion& conversion, const std::string& output) {
  return {{"source", conversion.source().path},
          {"model", conversion.source().model->class_name},
          {"format", conversion.output().describe()["format"]},
          {"total_bytes", conversion.bytes()},
          {"free_bytes", free_space(output)},
          {"ranks", describe_ranks(conversion.copies())},
          {"chunks", describe_chunks(conversion.copies())}};
}

}  // namespace mhub
