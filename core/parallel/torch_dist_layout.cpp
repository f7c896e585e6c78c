#include <algorithm>
#include <map>
#include <unordered_map>

#include "mhub/parallel/layout.hpp"
#include "mhub/parallel/placement.hpp"
#include "mhub/parallel/shard.hpp"

namespace mhub {
namespace {

/// The chunks that ranks write of one canonical tensor inside its stored tensor.
void add_chunks(const CanonicalTensor& tensor, const Shape& stored_shape, const TorchDistKey& key, int stage,
                int tp, std::vector<SinkChunk>& chunks) {
  auto chunk = [&](int axis, std::int64_t start, std::int64_t length, int rank) {
    SinkChunk one{Index(stored_shape.size(), 0), stored_shape, stage * tp + rank};
    const std::size_t lead = key.count > 0 ? 1 : 0;
    if (key.count > 0) {
      one.offset[0] = key.index;
      one.shape[0] = 1;
    }
    if (axis >= 0) {
      one.offset[static_cast<std::size_t>(axis) + lead] = start;
      one.shape[static_cast<std::size_t>(axis) + lead] = length;
    }
    chunks.push_back(std::move(one));
  };
  if (tensor.partition.replicated()) {
    chunk(-1, 0, 0, 0);
    return;
  }
  for (int rank = 0; rank < tp; ++rank) {
    for (const AxisRange& range : shard_ranges(tensor.name, tensor.partition, tp, rank)) {
      chunk(tensor.partition.axis, range.global, range.length, rank);
    }
  }
}

}  // namespace

TorchDistKey torch_dist_key(const std::string& canonical_name, bool stack_layers, std::int64_t num_layers) {
  const auto layer = decoder_layer(canonical_name);
  if (!stack_layers || !layer) return {canonical_name, 0, 0};
  return {layer->before + layer->after, layer->layer, num_layers};
}

bool layers_are_alike(const std::vector<CanonicalTensor>& canonical) {
  std::map<std::int64_t, std::map<std::string, Shape>> layers;
  for (const CanonicalTensor& tensor : canonical) {
    if (const auto name = decoder_layer(tensor.name)) layers[name->layer].emplace(name->after, tensor.shape);
  }
  for (const auto& [layer, tensors] : layers) {
    if (tensors != layers.begin()->second) return false;
  }
  return true;
}

Layout torch_dist_layout(const std::vector<CanonicalTensor>& canonical, const LayoutRequest& request) {
  const PipelineSplit split(request.num_layers, request.sizes.pipeline);
  const bool stack = layers_are_alike(canonical);
  Layout layout;
  std::unordered_map<std::string, std::size_t> positions;
  for (std::size_t c = 0; c < canonical.size(); ++c) {
    CanonicalTensor tensor = canonical[c];
    const std::int64_t elements = numel(tensor.shape);
    layout.map.source.push_back({tensor.name, tensor.shape});
    if (tensor.partition.vocabulary) {
      tensor.shape[0] = request.padded_vocab_size;
      tensor.partition.segments = {request.padded_vocab_size};
    }
    const TorchDistKey key = torch_dist_key(tensor.name, stack, request.num_layers);
    const auto [at, fresh] = positions.emplace(key.name, layout.tensors.size());
    if (fresh) {
      Shape shape = tensor.shape;
      if (key.count > 0) shape.insert(shape.begin(), key.count);
      layout.map.destination.push_back({key.name, shape});
      layout.map.terms.emplace_back();
      layout.map.copy.push_back(0);
      layout.tensors.push_back({key.name, DType::f32, shape, {}});
    }
    std::vector<Term>& terms = layout.map.terms[at->second];
    const std::int64_t stored = numel(tensor.shape);
    terms.push_back({c, run_box(0, key.index * stored, elements)});
    if (stored > elements)
      terms.push_back(zero_term(key.index * stored + elements, (key.index + 1) * stored));
    SinkTensor& sink = layout.tensors[at->second];
    add_chunks(tensor, sink.shape, key, split.stage_of(tensor.name), request.sizes.tensor, sink.chunks);
  }
  return layout;
}

}  // namespace mhub
