// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/layer_input.hpp"

#include <cmath>

#include "mhub/runtime/support.hpp"

namespace mhub::runtime {
namespace {

float root(std::int64_t size) { return std::sqrt(static_cast<float>(size)); }

}  // namespace

LayerInput::LayerInput(const LayerSource& source)
    : number_(source.number),
      gate_(Linear::load(source, source.prefix + "per_layer_input_gate", source.config.layer_embeddings->size,
                         source.config.hidden_size)),
      projection_(Linear::load(source, source.prefix + "per_layer_projection", source.config.hidden_size,
                               source.config.layer_embeddings->size)),
      norm_(load_norm(source.weights, source.config, source.prefix + "post_per_layer_input_norm.",
                      source.config.hidden_size)),
      activation_{activation_kind(source.config.activation, source.weights.source())} {}

void LayerInput::run(ForwardPass& pass, Matrix hidden) const {
  Backend& backend = pass.backend;
  const std::int64_t size = gate_.weight.rows;
  const Matrix wide = pass.workspace.matrix("layer gate", hidden.rows, 2 * size);
  const Matrix active = pass.workspace.matrix("layer input", hidden.rows, size);
  const Matrix out = pass.workspace.matrix("block output", hidden.rows, hidden.columns);
  gate_.run(pass, hidden, wide.slice_columns(0, size), false);
  backend.copy(pass.layer_inputs.slice_columns(number_ * size, size), wide.slice_columns(size, size));
  backend.activate(activation_, wide, active);
  projection_.run(pass, active, out, false);
  backend.normalize(norm_, out, out);
  backend.add(out, 1.0F, hidden);
}

LayerInputs::LayerInputs(Weights& weights, Backend& backend, const TransformerConfig& config)
    : layers_(config.num_layers), size_(config.layer_embeddings->size) {
  const std::int64_t all = layers_ * size_;
  const LayerSource source{weights, backend, config, 0, ""};
  table_ = backend.place(
      weights.matrix("per_layer_embedding.weight", config.layer_embeddings->vocab_size, all), Rows::some);
  projection_ = Linear::load(source, "per_layer_model_proj", all, config.hidden_size);
  norm_ = load_norm(weights, config, "per_layer_proj_norm.", size_);
}

Matrix LayerInputs::run(ForwardPass& pass, std::span<const std::int64_t> ids, Matrix hidden) const {
  Backend& backend = pass.backend;
  const std::int64_t all = layers_ * size_;
  const Matrix inputs = pass.workspace.matrix("layer inputs", hidden.rows, all);
  const Matrix rows = pass.workspace.matrix("layer embeddings", hidden.rows, all);
  projection_.run(pass, hidden, inputs, false);
  backend.scale(1.0F / root(hidden.columns), inputs);
  backend.normalize(norm_, Heads{inputs.data, inputs.rows, inputs.stride, layers_, size_, 1, size_, size_});
  backend.embed(table_, ids, false, rows);
  backend.add(rows, root(size_), inputs);
  backend.scale(1.0F / root(2), inputs);
  return inputs;
}

}  // namespace mhub::runtime
