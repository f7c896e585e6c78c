// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/layer.hpp"

#include "mhub/base/error.hpp"
#include "mhub/runtime/attention_block.hpp"
#include "mhub/runtime/linear_block.hpp"
#include "mhub/runtime/mlp_block.hpp"
#include "mhub/runtime/moe_block.hpp"

namespace mhub::runtime {
namespace {

/// What TransformerEngine calls the norm that it fuses into a mixer's first linear layer.
const char* fused_norm(LayerPlan::Mixer mixer) {
  switch (mixer) {
    case LayerPlan::Mixer::mamba: return "mixer.in_proj.layer_norm_";
    case LayerPlan::Mixer::linear: return "self_attention.layer_norm_";
    case LayerPlan::Mixer::delta_net: return "self_attention.in_proj.layer_norm_";
    default: return "self_attention.linear_qkv.layer_norm_";
  }
}

/// TransformerEngine fuses a norm into the linear layer behind it where there is one such layer.
std::optional<Norm> norm_of(const LayerSource& source, const std::string& fused, const std::string& module) {
  Weights& weights = source.weights;
  const std::string name =
      weights.has(source.prefix + module + "weight") ? source.prefix + module : source.prefix + fused;
  if (!weights.has(name + "weight")) return std::nullopt;
  return load_norm(weights, source.config, name, source.config.hidden_size);
}

std::unique_ptr<Block> make_feed_forward(const LayerSource& source, LayerPlan::Mlp kind) {
  switch (kind) {
    case LayerPlan::Mlp::none: return nullptr;
    case LayerPlan::Mlp::dense: return make_mlp(source);
    case LayerPlan::Mlp::experts: return make_moe(source);
    case LayerPlan::Mlp::linear: return make_linear(source, "mlp");
  }
  return nullptr;
}

}  // namespace

Layer::Layer(const LayerSource& source, const LayerPlan& plan)
    : backend_(source.backend), parallel_(source.config.parallel_residual) {
  attention_norm_ = norm_of(source, fused_norm(plan.mixer), "input_layernorm.");
  const bool linear = plan.mlp == LayerPlan::Mlp::linear;
  mlp_norm_ =
      norm_of(source, linear ? "mlp.layer_norm_" : "mlp.linear_fc1.layer_norm_", "pre_mlp_layernorm.");
  // A parallel layer may share one norm.
  const bool shared = parallel_ && source.config.shared_pre_norm, pre_norms = source.config.pre_norms;
  const bool mixes = plan.mixer != LayerPlan::Mixer::none, feeds = plan.mlp != LayerPlan::Mlp::none;
  if (attention_norm_.has_value() != (mixes && pre_norms) ||
      mlp_norm_.has_value() != (feeds && pre_norms && !shared)) {
    throw InputError(source.weights.source() + ": layer " + std::to_string(source.number) +
                     " does not have the norms before attention and MLP that pre_norms = " +
                     (pre_norms ? "true" : "false") + " asks for");
  }
  attention_ = make_attention(source, plan);
  mlp_ = make_feed_forward(source, plan.mlp);
  if (source.config.layer_embeddings) input_.emplace(source);
  if (source.config.layer_scalar) scalar_ = source.weights.vector(source.prefix + "layer_scalar", 1)[0];
}

LayerCache Layer::new_cache() const {
  auto allocate = [&backend = backend_](std::int64_t floats) { return backend.allocate_cache_page(floats); };
  return attention_ ? attention_->new_cache(allocate) : LayerCache(0, 0, 0, allocate);
}

void Layer::run(ForwardPass& pass, Matrix hidden) const {
  run_blocks(pass, hidden);
  if (input_) input_->run(pass, hidden);
  if (scalar_ != 1.0F) pass.backend.scale(scalar_, hidden);
}

void Layer::run_blocks(ForwardPass& pass, Matrix hidden) const {
  if (!parallel_) {
    if (attention_)
      attention_->run(pass, normalized(pass, attention_norm_, "attention input", hidden), hidden);
    if (mlp_) mlp_->run(pass, normalized(pass, mlp_norm_, "mlp input", hidden), hidden);
    return;
  }
  const Matrix in = normalized(pass, attention_norm_, "attention input", hidden);
  const Matrix mlp_in = mlp_norm_ ? normalized(pass, mlp_norm_, "mlp input", hidden) : in;
  attention_->run(pass, in, hidden);
  mlp_->run(pass, mlp_in, hidden);
}

Matrix normalized(ForwardPass& pass, const std::optional<Norm>& norm, const std::string& slot,
                  Matrix hidden) {
  const Matrix out = pass.workspace.matrix(slot, hidden.rows, hidden.columns);
  if (norm) {
    pass.backend.normalize(*norm, hidden, out);
  } else {
    pass.backend.copy(hidden, out);
  }
  return out;
}

}  // namespace mhub::runtime
