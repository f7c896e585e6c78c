// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/pipeline_split.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/megatron/pipeline_layout.hpp"

namespace mhub {
namespace {

using Counts = std::vector<std::vector<std::int64_t>>;

[[noreturn]] void indivisible(std::int64_t layers, std::int64_t parts, const std::string& what) {
  throw InputError(std::to_string(layers) + " layers cannot be split into " + std::to_string(parts) +
                   " equal " + what + "; choose sizes that divide them, or --pp-layout");
}

/// The same number of layers in each chunk of every stage, as the counts per stage allow.
Counts into_chunks(const std::vector<std::int64_t>& stages, int chunks) {
  Counts counts;
  for (const std::int64_t layers : stages) {
    if (layers % chunks != 0) indivisible(layers, chunks, "model chunks (VPP)");
    counts.emplace_back(chunks, layers / chunks);
  }
  return counts;
}

Counts uneven(std::int64_t layers, const ParallelSizes& sizes, const PipelineOptions& options) {
  std::int64_t middle = layers, middle_stages = sizes.pipeline;
  for (const auto& edge : {options.first_stage_layers, options.last_stage_layers}) {
    if (!edge) continue;
    middle -= *edge;
    --middle_stages;
  }
  if (middle < 0 || middle_stages < 0 || (middle_stages == 0 && middle != 0))
    throw InputError("the first and last stage's layers do not add up with " + std::to_string(layers) +
                     " layers");
  if (middle_stages > 0 && middle % middle_stages != 0)
    indivisible(middle, middle_stages, "middle pipeline stages");
  std::vector<std::int64_t> stages(static_cast<std::size_t>(sizes.pipeline),
                                   middle_stages > 0 ? middle / middle_stages : 0);
  if (options.first_stage_layers) stages.front() = *options.first_stage_layers;
  if (options.last_stage_layers) stages.back() = *options.last_stage_layers;
  return into_chunks(stages, sizes.virtual_pipeline);
}

Counts even(std::int64_t layers, const ParallelSizes& sizes, const PipelineOptions& options) {
  const std::int64_t slots =
      layers + (options.account_for_embedding ? 1 : 0) + (options.account_for_loss ? 1 : 0);
  if (slots % sizes.pipeline != 0) indivisible(slots, sizes.pipeline, "pipeline stages (PP)");
  Counts counts =
      into_chunks(std::vector<std::int64_t>(static_cast<std::size_t>(sizes.pipeline), slots / sizes.pipeline),
                  sizes.virtual_pipeline);
  if (options.account_for_embedding) --counts.front().front();
  if (options.account_for_loss) --counts.back().back();
  if (counts.front().front() < 0 || counts.back().back() < 0)
    throw InputError("too few layers for embedding and loss to count as layers of the pipeline split");
  return counts;
}

}  // namespace

PipelineSplit::PipelineSplit(std::int64_t layers, const ParallelSizes& sizes, const PipelineOptions& options,
                             std::int64_t mtp_layers) {
  if (layers < 1) throw InputError("a model without layers");
  if (!options.layout.empty()) {
    const PipelineLayout layout = parse_pipeline_layout(options.layout, sizes.pipeline, layers, mtp_layers);
    counts_ = layout.layers;
    number_layers();
    mtp_ = {layout.mtp_stage, chunks() - 1, 0};
    return;
  }
  const bool edges = options.first_stage_layers || options.last_stage_layers;
  if (edges && (options.account_for_embedding || options.account_for_loss))
    throw UsageError(
        "layers of the first or last stage and embedding or loss counted as layers exclude each other");
  counts_ = edges ? uneven(layers, sizes, options) : even(layers, sizes, options);
  number_layers();
  mtp_ = last();
}

PipelineSplit::PipelineSplit(Counts counts) : counts_(std::move(counts)) {
  number_layers();
  mtp_ = last();
}

void PipelineSplit::number_layers() {
  for (int chunk = 0; chunk < chunks(); ++chunk) {
    for (int stage = 0; stage < stages(); ++stage) {
      const std::int64_t count = counts_[static_cast<std::size_t>(stage)][static_cast<std::size_t>(chunk)];
      for (std::int64_t local = 0; local < count; ++local) places_.push_back({stage, chunk, local});
    }
  }
}

StagePlace PipelineSplit::place_of(const TensorIdentity& identity) const {
  if (!identity.of_decoder()) return {0, 0, std::max<std::int64_t>(0, identity.layer)};
  switch (identity.block) {
    case Block::layer: return place_of_layer(identity.layer);
    case Block::mtp:
    case Block::mtp_layer: return mtp_;
    case Block::decoder:
    case Block::output: return last();
    default: return {};
  }
}

}  // namespace mhub
