#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "mhub/parallel/layout.hpp"
#include "mhub/parallel/placement.hpp"
#include "mhub/parallel/shard.hpp"

namespace mhub {
namespace {

/// Where a canonical tensor goes in the stored state.
struct Key {
  std::string name;
  std::int64_t index = 0;  ///< along the stacked axis
  std::int64_t count = 0;  ///< length of the stacked axis; 0 without one
};

Key key_of(const std::string& name, bool stack, std::int64_t num_layers) {
  const auto layer = decoder_layer(name);
  if (!stack || !layer) return {name, 0, 0};
  return {layer->before + layer->after, layer->layer, num_layers};
}

/// The chunks that ranks write of one canonical tensor inside its stored tensor.
void add_chunks(const CanonicalTensor& tensor, const Shape& stored_shape, const Key& key, int stage, int tp,
                std::vector<SinkChunk>& chunks) {
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
    const Key key = key_of(tensor.name, stack, request.num_layers);
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

std::vector<std::string> extra_state_keys(const std::vector<CanonicalTensor>& canonical,
                                          std::int64_t num_layers) {
  const bool stack = layers_are_alike(canonical);
  std::set<std::string> keys;
  for (const CanonicalTensor& tensor : canonical) {
    // Every linear layer and norm inside the decoder is a TransformerEngine module with an extra state; so is
    // the final norm. The embedding and the output layer are not asked for theirs (gpt_model.py,
    // sharded_state_dict).
    if (!tensor.name.starts_with("decoder.") && !tensor.name.starts_with("mtp.")) continue;
    const std::size_t dot = tensor.name.rfind('.');
    const std::string module = tensor.name.substr(0, dot);
    if (module.ends_with(".router")) continue;
    const Key key = key_of(module + "._extra_state", stack, num_layers);
    keys.insert(key.name + "/shard_" + std::to_string(key.index) + "_" +
                std::to_string(std::max<std::int64_t>(1, key.count)));
  }
  return {keys.begin(), keys.end()};
}

}  // namespace mhub
