// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/block.hpp"

namespace mhub::runtime {

Matrix Workspace::matrix(const std::string& name, std::int64_t rows, std::int64_t columns) {
  Slot& slot = slots_[name];
  if (slot.floats < rows * columns) {
    slot.memory.reset();
    slot.memory = backend_.allocate(rows * columns);
    slot.floats = rows * columns;
  }
  return {slot.memory.get(), rows, columns, columns};
}

Linear Linear::load(const LayerSource& source, const std::string& name, std::int64_t rows,
                    std::int64_t columns, Rows needed, Precision lowest) {
  return {source.backend.place(source.weights.matrix(name + ".weight", rows, columns), needed, lowest),
          source.weights.optional_vector(name + ".bias", rows)};
}

void Linear::run(ForwardPass& pass, Matrix in, Matrix out, bool accumulate) const {
  pass.backend.linear(weight, bias, in, out, accumulate, pass.precision);
}

Norm load_norm(Weights& weights, const TransformerConfig& config, const std::string& name,
               std::int64_t size) {
  Norm norm;
  norm.kind = config.normalization == Normalization::layer ? NormKind::layer : NormKind::rms;
  norm.epsilon = config.layernorm_epsilon;
  norm.weight = weights.vector(name + "weight", size);
  if (config.layernorm_zero_centered_gamma) {
    for (float& gamma : norm.weight) gamma += 1.0F;
  }
  norm.bias = weights.optional_vector(name + "bias", size);
  return norm;
}

Residual::Residual(const LayerSource& source, const std::string& norm)
    : multiplier_(static_cast<float>(source.config.residual_multiplier)) {
  const std::string module = norm.substr(0, norm.rfind("post_layernorm."));
  scale_ = source.weights.optional_vector(module + "layer_scale", source.config.hidden_size);
  if (source.config.post_norms)
    norm_ = load_norm(source.weights, source.config, norm, source.config.hidden_size);
}

void Residual::add(ForwardPass& pass, const Linear& linear, Matrix in, Matrix hidden) const {
  if (!norm_ && scale_.empty() && multiplier_ == 1.0F) return linear.run(pass, in, hidden, true);
  const Matrix out = pass.workspace.matrix("block output", hidden.rows, hidden.columns);
  linear.run(pass, in, out, false);
  add(pass, out, hidden);
}

void Residual::add(ForwardPass& pass, Matrix out, Matrix hidden) const {
  if (norm_) pass.backend.normalize(*norm_, out, out);
  if (!scale_.empty()) pass.backend.scale_columns(scale_, out);
  pass.backend.add(out, multiplier_, hidden);
}

}  // namespace mhub::runtime
