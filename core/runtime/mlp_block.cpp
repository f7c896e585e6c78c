// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/mlp_block.hpp"

#include <cmath>

#include "mhub/runtime/support.hpp"

namespace mhub::runtime {
namespace {

float softplus(float x) { return std::log1p(std::exp(x)); }

class DenseMlp final : public Block {
 public:
  explicit DenseMlp(const LayerSource& source)
      : mlp_(Mlp::load(source, source.prefix + "mlp.", source.config.ffn_hidden_size, Rows::all)),
        residual_(source, source.prefix + "mlp.linear_fc2.post_layernorm.") {}
  void run(ForwardPass& pass, Matrix in, Matrix hidden) const override {
    residual_.add(pass, mlp_.fc2, mlp_.inner(pass, in), hidden);
  }

 private:
  Mlp mlp_;
  Residual residual_;
};

}  // namespace

Mlp Mlp::load(const LayerSource& source, const std::string& name, std::int64_t ffn, Rows needed,
              std::int64_t outer) {
  const TransformerConfig& config = source.config;
  const std::int64_t size = outer > 0 ? outer : config.hidden_size;
  const std::int64_t wide = config.gated_linear_unit ? 2 * ffn : ffn;
  Mlp mlp{Linear::load(source, name + "linear_fc1", wide, size, needed),
          Linear::load(source, name + "linear_fc2", size, ffn, needed),
          {activation_kind(config.activation, source.weights.source()), config.gated_linear_unit,
           static_cast<float>(config.activation_clamp.value_or(0.0)),
           static_cast<float>(config.glu_linear_offset)}};
  if (mlp.activation.kind == ActivationKind::xielu) {
    const std::string function = name + "activation_func.";
    mlp.activation.alpha_p = softplus(source.weights.vector(function + "alpha_p", 1)[0]);
    mlp.activation.alpha_n = 0.5F + softplus(source.weights.vector(function + "alpha_n", 1)[0]);
  }
  return mlp;
}

Matrix Mlp::inner(ForwardPass& pass, Matrix in) const {
  const Matrix wide = pass.workspace.matrix("wide", in.rows, fc1.weight.rows);
  const Matrix active = pass.workspace.matrix("active", in.rows, fc2.weight.columns);
  pass.backend.linear_activate(fc1.weight, fc1.bias, activation, in, wide, active, pass.precision);
  return active;
}

std::unique_ptr<Block> make_mlp(const LayerSource& source) { return std::make_unique<DenseMlp>(source); }

}  // namespace mhub::runtime
