// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/prediction_block.hpp"

#include "mhub/config/heterogeneous.hpp"

namespace mhub::runtime {
namespace {

const std::string kBlock = "mtp.layers.0.", kLayer = kBlock + "transformer_layer.";

}  // namespace

bool PredictionBlock::is_in(const Weights& weights) {
  return weights.has(kBlock + "eh_proj.weight") && weights.has(kLayer + "self_attention.linear_proj.weight");
}

PredictionBlock::PredictionBlock(Weights& weights, Backend& backend, const TransformerConfig& config)
    : layer_(make_layer(weights, backend, config)) {
  const std::int64_t h = config.hidden_size;
  embedding_norm_ = load_norm(weights, config, kBlock + "enorm.", h);
  state_norm_ = load_norm(weights, config, kBlock + "hnorm.", h);
  final_norm_ = load_norm(weights, config, kBlock + "final_layernorm.", h);
  projection_ = Linear::load({weights, backend, config, 0, kBlock}, kBlock + "eh_proj", h, 2 * h);
}

Layer PredictionBlock::make_layer(Weights& weights, Backend& backend, const TransformerConfig& config) {
  const std::int64_t last = config.num_layers - 1;
  std::int64_t like = last;
  while (config.mtp_windowed && like > 0 && !has_window(config, like)) --like;
  const TransformerConfig of_layer = layer_config(config, like);
  LayerPlan plan = layer_plan(config, like);
  plan.mlp = config.mtp_dense ? LayerPlan::Mlp::dense : layer_plan(config, last).mlp;
  return Layer({weights, backend, of_layer, like, kLayer}, plan);
}

Matrix PredictionBlock::run(ForwardPass& pass, Matrix embeddings, Matrix states) const {
  const std::int64_t tokens = states.rows, h = states.columns;
  // Megatron's order; other orders of a Hugging Face state are turned when it is mapped (add_mtp).
  const Matrix both = pass.workspace.matrix("prediction input", tokens, 2 * h);
  pass.backend.normalize(embedding_norm_, embeddings, both.slice_columns(0, h));
  pass.backend.normalize(state_norm_, states, both.slice_columns(h, h));
  const Matrix hidden = pass.workspace.matrix("prediction", tokens, h);
  projection_.run(pass, both, hidden, false);
  layer_.run(pass, hidden);
  pass.backend.normalize(final_norm_, hidden, hidden);
  return hidden;
}

}  // namespace mhub::runtime
