#include <algorithm>
#include <array>
#include <cstdio>

#include "mhub/mapping/view.hpp"
#include "mhub/parallel/layout.hpp"
#include "mhub/parallel/placement.hpp"
#include "mhub/parallel/shard.hpp"

namespace mhub {
namespace {

/// Adds the shard of canonical tensor `source` that one rank holds, under its local name.
void add_shard(const CanonicalTensor& tensor, std::size_t source, const LayoutRequest& request, int tp_rank,
               int pp_rank, const std::string& local_name, bool copy, Layout& layout) {
  const int tp = request.sizes.tensor;
  Partition partition = tensor.partition;
  Shape shape = tensor.shape;
  std::vector<Term> terms;
  if (partition.replicated()) {
    terms.push_back({source, run_box(0, 0, numel(shape))});
  } else if (partition.vocabulary) {
    const std::int64_t row = numel(shape) / shape[0];
    partition.segments = {request.padded_vocab_size};
    const AxisRange range = shard_ranges(tensor.name, partition, tp, tp_rank)[0];
    const std::int64_t real = std::clamp<std::int64_t>(shape[0] - range.global, 0, range.length);
    if (real > 0) terms.push_back({source, run_box(range.global * row, 0, real * row)});
    if (real < range.length) terms.push_back(zero_term(real * row, range.length * row));
    shape[0] = range.length;
  } else {
    const auto axis = static_cast<std::size_t>(partition.axis);
    shape[axis] /= tp;
    for (const AxisRange& range : shard_ranges(tensor.name, partition, tp, tp_rank)) {
      terms.push_back({source, zip(View(tensor.shape).slice(axis, range.global, range.length),
                                   View(shape).slice(axis, range.local, range.length))});
    }
  }
  const std::string name = torch_rank_folder(request.sizes, tp_rank, pp_rank) + "/" + local_name;
  layout.map.destination.push_back({name, shape});
  layout.map.terms.push_back(std::move(terms));
  layout.map.copy.push_back(copy || (tensor.partition.replicated() && tp_rank > 0) ? 1 : 0);
  layout.tensors.push_back(
      {name, DType::f32, shape, {{Index(shape.size(), 0), shape, pp_rank * tp + tp_rank}}});
}

}  // namespace

std::string torch_rank_folder(const ParallelSizes& sizes, int tensor_rank, int pipeline_rank) {
  std::array<char, 48> text{};
  if (sizes.pipeline > 1) {
    std::snprintf(text.data(), text.size(), "mp_rank_%02d_%03d", tensor_rank, pipeline_rank);
  } else {
    std::snprintf(text.data(), text.size(), "mp_rank_%02d", tensor_rank);
  }
  return text.data();
}

std::string parameter_name(const std::string& canonical, TransformerImpl impl) {
  if (impl == TransformerImpl::transformer_engine) return canonical;
  // Megatron-Core gpt_layer_specs.py: the local spec keeps the norms as modules of their own.
  constexpr std::array<std::array<std::string_view, 2>, 2> kFused{{
      {".self_attention.linear_qkv.layer_norm_", ".input_layernorm."},
      {".mlp.linear_fc1.layer_norm_", ".pre_mlp_layernorm."},
  }};
  for (const auto& [fused, separate] : kFused) {
    const std::size_t at = canonical.find(fused);
    if (at == std::string::npos) continue;
    return canonical.substr(0, at) + std::string(separate) + canonical.substr(at + fused.size());
  }
  return canonical;
}

Layout torch_layout(const std::vector<CanonicalTensor>& canonical, const LayoutRequest& request) {
  const PipelineSplit split(request.num_layers, request.sizes.pipeline);
  Layout layout;
  for (std::size_t c = 0; c < canonical.size(); ++c) {
    const CanonicalTensor& tensor = canonical[c];
    layout.map.source.push_back({tensor.name, tensor.shape});
    const int stage = split.stage_of(tensor.name);
    std::string name = tensor.name;
    if (const auto layer = decoder_layer(name)) {
      name = layer->before + std::to_string(layer->layer - split.first_layer(stage)) + "." + layer->after;
    }
    name = parameter_name(name, request.impl);
    for (int rank = 0; rank < request.sizes.tensor; ++rank) {
      add_shard(tensor, c, request, rank, stage, name, false, layout);
      // The last stage computes logits with a copy of the first stage's embedding (language_module.py,
      // setup_embeddings_and_output_layer).
      if (request.tied_embedding && request.sizes.pipeline > 1 &&
          name == "embedding.word_embeddings.weight") {
        add_shard(tensor, c, request, rank, request.sizes.pipeline - 1, "output_layer.weight", true, layout);
      }
    }
  }
  return layout;
}

}  // namespace mhub
