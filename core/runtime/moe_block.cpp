// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/moe_block.hpp"

#include <cmath>

#include "mhub/runtime/layer_stack.hpp"
#include "mhub/runtime/mlp_block.hpp"
#include "mhub/runtime/router.hpp"

namespace mhub::runtime {
namespace {

class MixtureOfExperts final : public Block {
 public:
  explicit MixtureOfExperts(const LayerSource& source);
  void run(ForwardPass& pass, Matrix in, Matrix hidden) const override;

 private:
  /// Tokens of one expert and their weights.
  struct Load {
    std::vector<std::int64_t> tokens;
    std::vector<float> weights;
  };
  std::vector<Load> choose(ForwardPass& pass, Matrix in) const;
  void run_expert(ForwardPass& pass, const Mlp& expert, const Load& load, Matrix in, Matrix out) const;
  void run_experts(ForwardPass& pass, const std::vector<Load>& loads, Matrix in, Matrix out) const;
  void add_shared(ForwardPass& pass, Matrix in, Matrix out) const;
  void load_scales(const LayerSource& source, const std::string& name);

  MoeConfig moe_;
  Linear router_;
  std::vector<float> correction_;
  std::optional<Norm> router_norm_;  ///< MoeConfig::router_scaled: with the vector and the root as its weight
  std::vector<float> expert_scales_;
  std::optional<Norm> shared_norm_, shared_post_norm_, experts_post_norm_;  ///< MoeConfig::separate_norms
  std::vector<Mlp> experts_;
  std::optional<Linear> into_, out_of_;  ///< the experts' own space
  std::optional<Mlp> shared_;
  std::optional<Linear> shared_gate_;
  Residual residual_;
};

MixtureOfExperts::MixtureOfExperts(const LayerSource& source)
    : moe_(*source.config.moe), residual_(source, source.prefix + "post_ffn_layernorm.") {
  const std::string name = source.prefix + "mlp.";
  const std::int64_t h = source.config.hidden_size;
  // A rounded router could choose other experts.
  router_ = Linear::load(source, name + "router", moe_.num_experts, h, Rows::all, Precision::exact);
  if (moe_.router_enable_expert_bias)
    correction_ = source.weights.vector(name + "router.expert_bias", moe_.num_experts);
  if (moe_.router_scaled) load_scales(source, name + "router.");
  if (moe_.separate_norms) {
    const auto norm = [&](const std::string& of) {
      return load_norm(source.weights, source.config, source.prefix + of + "_layernorm.", h);
    };
    shared_norm_ = norm("pre_shared_expert");
    shared_post_norm_ = norm("mlp.post_shared_expert");
    experts_post_norm_ = norm("mlp.post_moe");
  }
  for (std::int64_t e = 0; e < moe_.num_experts; ++e) {
    experts_.push_back(Mlp::load(source, name + "experts.local_experts." + std::to_string(e) + ".",
                                 moe_.ffn_hidden_size, Rows::some, moe_.latent_size));
  }
  if (moe_.latent_size > 0) {
    into_ = Linear::load(source, name + "fc1_latent_proj", moe_.latent_size, h);
    out_of_ = Linear::load(source, name + "fc2_latent_proj", h, moe_.latent_size);
  }
  if (moe_.shared_expert_intermediate_size > 0)
    shared_ = Mlp::load(source, name + "shared_experts.", moe_.shared_expert_intermediate_size, Rows::all);
  if (moe_.shared_expert_gate) {
    shared_gate_ = Linear{
        source.backend.place(source.weights.matrix(name + "shared_experts.gate_weight", 1, h), Rows::all),
        {}};
  }
}

void MixtureOfExperts::load_scales(const LayerSource& source, const std::string& name) {
  const std::int64_t h = source.config.hidden_size;
  Norm norm{NormKind::rms, source.config.layernorm_epsilon, source.weights.vector(name + "scale", h), {}};
  const auto root = static_cast<float>(1 / std::sqrt(static_cast<double>(h)));
  for (float& weight : norm.weight) weight *= root;
  router_norm_ = std::move(norm);
  expert_scales_ = source.weights.vector(name + "per_expert_scale", moe_.num_experts);
}

std::vector<MixtureOfExperts::Load> MixtureOfExperts::choose(ForwardPass& pass, Matrix in) const {
  const Matrix logits = pass.workspace.matrix("router logits", in.rows, moe_.num_experts);
  pass.backend.linear(router_.weight, router_.bias, in, logits, false, Precision::exact);
  std::vector<float> values(static_cast<std::size_t>(in.rows * moe_.num_experts));
  pass.backend.read(logits, values);
  std::vector<Load> loads(experts_.size());
  for (std::int64_t t = 0; t < in.rows; ++t) {
    const auto row = std::span<const float>(values).subspan(static_cast<std::size_t>(t * moe_.num_experts),
                                                            static_cast<std::size_t>(moe_.num_experts));
    for (const Choice& choice : route(moe_, row, correction_)) {
      const auto expert = static_cast<std::size_t>(choice.expert);
      loads[expert].tokens.push_back(t);
      loads[expert].weights.push_back(expert_scales_.empty() ? choice.weight
                                                             : choice.weight * expert_scales_[expert]);
    }
  }
  return loads;
}

void MixtureOfExperts::run_expert(ForwardPass& pass, const Mlp& expert, const Load& load, Matrix in,
                                  Matrix out) const {
  const auto count = static_cast<std::int64_t>(load.tokens.size());
  const Matrix tokens = pass.workspace.matrix("expert input", count, in.columns);
  const Matrix result = pass.workspace.matrix("expert output", count, in.columns);
  const std::vector<float> ones(load.weights.size(), 1.0F);
  pass.backend.gather_rows(in, load.tokens, moe_.apply_probs_on_input ? load.weights : ones, tokens);
  expert.fc2.run(pass, expert.inner(pass, tokens), result, false);
  pass.backend.scatter_add_rows(result, load.tokens, moe_.apply_probs_on_input ? ones : load.weights, out);
}

void MixtureOfExperts::run_experts(ForwardPass& pass, const std::vector<Load>& loads, Matrix in,
                                   Matrix out) const {
  pass.backend.fill(out, 0.0F);
  for (std::size_t e = 0; e < loads.size(); ++e) {
    if (!loads[e].tokens.empty()) run_expert(pass, experts_[e], loads[e], in, out);
  }
}

void MixtureOfExperts::add_shared(ForwardPass& pass, Matrix in, Matrix out) const {
  if (shared_post_norm_) {
    const Matrix normed = pass.workspace.matrix("expert output", in.rows, in.columns);
    shared_->fc2.run(pass, shared_->inner(pass, in), normed, false);
    pass.backend.normalize(*shared_post_norm_, normed, normed);
    return pass.backend.add(normed, 1.0F, out);
  }
  if (!shared_gate_) return shared_->fc2.run(pass, shared_->inner(pass, in), out, true);
  const Matrix gate = pass.workspace.matrix("shared gate", in.rows, 1);
  const Matrix result = pass.workspace.matrix("expert output", in.rows, in.columns);
  shared_gate_->run(pass, in, gate, false);
  shared_->fc2.run(pass, shared_->inner(pass, in), result, false);
  std::vector<float> weights(static_cast<std::size_t>(in.rows));
  pass.backend.read(gate, weights);
  std::vector<std::int64_t> rows(weights.size());
  for (std::size_t t = 0; t < weights.size(); ++t) {
    rows[t] = static_cast<std::int64_t>(t);
    weights[t] = 1.0F / (1.0F + std::exp(-weights[t]));
  }
  pass.backend.scatter_add_rows(result, rows, weights, out);
}

void MixtureOfExperts::run(ForwardPass& pass, Matrix in, Matrix hidden) const {
  const Matrix out = pass.workspace.matrix("block output", in.rows, in.columns);
  const std::vector<Load> loads =
      choose(pass, router_norm_ ? normalized(pass, router_norm_, "router input", hidden) : in);
  if (into_) {
    const Matrix latent = pass.workspace.matrix("latent", in.rows, moe_.latent_size);
    const Matrix sum = pass.workspace.matrix("latent sum", in.rows, moe_.latent_size);
    into_->run(pass, in, latent, false);
    run_experts(pass, loads, latent, sum);
    out_of_->run(pass, sum, out, false);
  } else {
    run_experts(pass, loads, in, out);
  }
  if (experts_post_norm_) pass.backend.normalize(*experts_post_norm_, out, out);
  if (shared_)
    add_shared(pass, shared_norm_ ? normalized(pass, shared_norm_, "shared input", hidden) : in, out);
  residual_.add(pass, out, hidden);
}

}  // namespace

std::unique_ptr<Block> make_moe(const LayerSource& source) {
  return std::make_unique<MixtureOfExperts>(source);
}

}  // namespace mhub::runtime
