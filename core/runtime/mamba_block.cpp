// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/mamba_block.hpp"

#include <cmath>

namespace mhub::runtime {
namespace {

/// [channels, kernel] as [kernel, channels]: neighbouring channels are computed together.
std::vector<float> by_token(const std::vector<float>& weight, std::int64_t channels, std::int64_t kernel) {
  std::vector<float> result(weight.size());
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t k = 0; k < kernel; ++k)
      result[static_cast<std::size_t>(k * channels + c)] = weight[static_cast<std::size_t>(c * kernel + k)];
  }
  return result;
}

MambaMixer load_mixer(const LayerSource& source, const std::string& name) {
  const MambaConfig& c = *source.config.mamba;
  Weights& weights = source.weights;
  MambaMixer mixer;
  mixer.heads = c.num_heads;
  mixer.groups = c.num_groups;
  mixer.head_dim = c.head_dim;
  mixer.state_dim = c.state_dim;
  mixer.kernel = c.conv_kernel_dim;
  const std::int64_t channels = mixer.channels();
  mixer.convolution =
      by_token(weights.values(name + "conv1d_weight", {channels, mixer.kernel}), channels, mixer.kernel);
  mixer.convolution_bias = weights.vector(name + "conv1d_bias", channels);
  mixer.rate = weights.vector(name + "A_log", mixer.heads);
  for (float& rate : mixer.rate) rate = std::exp(rate);
  mixer.dt_bias = weights.vector(name + "dt_bias", mixer.heads);
  mixer.skip = weights.vector(name + "D", mixer.heads);
  // MambaMixer's epsilon is 1e-5 whatever the configuration says; transformers takes the configuration's,
  // which is 1e-5 in every published model.
  mixer.norm = {NormKind::rms,
                source.config.layernorm_epsilon,
                weights.vector(name + "norm.weight", mixer.inner()),
                {}};
  return mixer;
}

class Mamba final : public AttentionBlock {
 public:
  Mamba(const LayerSource& source, const std::string& name)
      : mixer_(load_mixer(source, name)), residual_(source, name + "out_proj.post_layernorm.") {
    in_proj_ = Linear::load(source, name + "in_proj", mixer_.width(), source.config.hidden_size);
    out_proj_ = Linear::load(source, name + "out_proj", source.config.hidden_size, mixer_.inner());
  }

  void run(ForwardPass& pass, Matrix in, Matrix hidden) const override {
    const Matrix projected = pass.workspace.matrix("projected", in.rows, mixer_.width());
    const Matrix mixed = pass.workspace.matrix("mixed", in.rows, mixer_.inner());
    in_proj_.run(pass, in, projected, false);
    pass.backend.mamba(mixer_, projected, pass.segments, mixed);
    residual_.add(pass, out_proj_, mixed, hidden);
  }
  LayerCache new_cache(LayerCache::Allocate allocate) const override {
    return {mixer_.heads, mixer_.state_dim, mixer_.head_dim, std::move(allocate)};
  }

 private:
  MambaMixer mixer_;
  Linear in_proj_, out_proj_;
  Residual residual_;
};

}  // namespace

std::unique_ptr<AttentionBlock> make_mamba(const LayerSource& source) {
  return std::make_unique<Mamba>(source, source.prefix + "mixer.");
}

}  // namespace mhub::runtime
