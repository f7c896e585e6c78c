#include "mhub/runtime/layers.hpp"

#include <cmath>

#include "mhub/runtime/support.hpp"

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

Linear Linear::load(Weights& weights, Backend& backend, const std::string& name, std::int64_t rows,
                    std::int64_t columns) {
  return {backend.place(weights.matrix(name + ".weight", rows, columns), Rows::all),
          weights.optional_vector(name + ".bias", rows)};
}

void Linear::run(ForwardPass& pass, Matrix in, Matrix out, bool accumulate) const {
  pass.backend.linear(weight, bias, in, out, accumulate, pass.precision);
}

Norm load_norm(Weights& weights, const TransformerConfig& config, const std::string& name,
               std::int64_t size) {
  Norm norm;
  norm.kind = config.normalization == "LayerNorm" ? NormKind::layer : NormKind::rms;
  norm.epsilon = config.layernorm_epsilon;
  norm.weight = weights.vector(name + "weight", size);
  if (config.layernorm_zero_centered_gamma) {
    for (float& gamma : norm.weight) gamma += 1.0F;
  }
  norm.bias = weights.optional_vector(name + "bias", size);
  return norm;
}

Norm load_input_norm(Weights& weights, const TransformerConfig& config, const std::string& linear,
                     const std::string& module, std::int64_t size) {
  const bool own = weights.has(module + ".weight");
  return load_norm(weights, config, own ? module + "." : linear + ".layer_norm_", size);
}

AttentionLayer::AttentionLayer(Weights& weights, Backend& backend, const TransformerConfig& config,
                               const std::string& prefix)
    : groups_(config.num_query_groups),
      heads_(config.num_attention_heads / config.num_query_groups),
      dim_(config.kv_channels) {
  const std::string name = prefix + "self_attention.";
  norm_ =
      load_input_norm(weights, config, name + "linear_qkv", prefix + "input_layernorm", config.hidden_size);
  qkv_ =
      Linear::load(weights, backend, name + "linear_qkv", groups_ * (heads_ + 2) * dim_, config.hidden_size);
  proj_ = Linear::load(weights, backend, name + "linear_proj", config.hidden_size, groups_ * heads_ * dim_);
  if (config.qk_layernorm) {
    query_norm_ = load_norm(weights, config, name + "q_layernorm.", dim_);
    key_norm_ = load_norm(weights, config, name + "k_layernorm.", dim_);
  }
  options_.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim_)));
  options_.window = config.sliding_window.value_or(0);
}

void AttentionLayer::run(ForwardPass& pass, Matrix hidden) const {
  Backend& backend = pass.backend;
  const Matrix normed = pass.workspace.matrix("normed", hidden.rows, hidden.columns);
  const Matrix qkv = pass.workspace.matrix("qkv", hidden.rows, qkv_.weight.rows);
  const Matrix attended = pass.workspace.matrix("attended", hidden.rows, proj_.weight.columns);
  backend.normalize(norm_, hidden, normed);
  qkv_.run(pass, normed, qkv, false);
  // Per query group its queries, its key, its value (Megatron-Core attention.py,
  // get_query_key_value_tensors).
  const std::int64_t group_stride = (heads_ + 2) * dim_;
  const Heads queries{qkv.data, qkv.rows, qkv.stride, groups_, group_stride, heads_, dim_, dim_};
  const Heads keys{qkv.data + heads_ * dim_, qkv.rows, qkv.stride, groups_, group_stride, 1, dim_, dim_};
  const Heads values{keys.data + dim_, qkv.rows, qkv.stride, groups_, group_stride, 1, dim_, dim_};
  if (query_norm_) backend.normalize(*query_norm_, queries);
  if (key_norm_) backend.normalize(*key_norm_, keys);
  if (pass.angles != nullptr) {
    backend.rotate(*pass.angles, queries);
    backend.rotate(*pass.angles, keys);
  }
  backend.attend(options_, queries, keys, values, pass.segments, attended);
  proj_.run(pass, attended, hidden, true);
}

MlpLayer::MlpLayer(Weights& weights, Backend& backend, const TransformerConfig& config,
                   const std::string& prefix)
    : ffn_(config.ffn_hidden_size) {
  const std::string name = prefix + "mlp.";
  norm_ =
      load_input_norm(weights, config, name + "linear_fc1", prefix + "pre_mlp_layernorm", config.hidden_size);
  activation_ = {activation_kind(config.activation, weights.source()), config.gated_linear_unit};
  fc1_ = Linear::load(weights, backend, name + "linear_fc1", ffn_ * (activation_.gated ? 2 : 1),
                      config.hidden_size);
  fc2_ = Linear::load(weights, backend, name + "linear_fc2", config.hidden_size, ffn_);
}

void MlpLayer::run(ForwardPass& pass, Matrix hidden) const {
  const Matrix normed = pass.workspace.matrix("normed", hidden.rows, hidden.columns);
  const Matrix wide = pass.workspace.matrix("wide", hidden.rows, fc1_.weight.rows);
  const Matrix active = pass.workspace.matrix("active", hidden.rows, ffn_);
  pass.backend.normalize(norm_, hidden, normed);
  fc1_.run(pass, normed, wide, false);
  pass.backend.activate(activation_, wide, active);
  fc2_.run(pass, active, hidden, true);
}

}  // namespace mhub::runtime
