// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/delta_net_block.hpp"

#include <cmath>

namespace mhub::runtime {
namespace {

DeltaNet load_net(const LayerSource& source, const std::string& name) {
  const LinearAttentionConfig& c = *source.config.linear_attention;
  Weights& weights = source.weights;
  const std::int64_t channels = 2 * c.num_key_heads * c.key_head_dim + c.num_value_heads * c.value_head_dim;
  DeltaNet net{c.num_key_heads,
               c.num_value_heads,
               c.key_head_dim,
               c.value_head_dim,
               c.conv_kernel_dim,
               weights.values(name + "conv1d.weight", {channels, c.conv_kernel_dim}),
               weights.vector(name + "A_log", c.num_value_heads),
               weights.vector(name + "dt_bias", c.num_value_heads),
               load_norm(weights, source.config, name + "out_norm.", c.value_head_dim)};
  for (float& rate : net.rate) rate = std::exp(rate);
  return net;
}

class GatedDeltaNet final : public AttentionBlock {
 public:
  GatedDeltaNet(const LayerSource& source, const std::string& name)
      : net_(load_net(source, name)), residual_(source, name + "out_proj.post_layernorm.") {
    in_proj_ =
        Linear::load(source, name + "in_proj", 2 * net_.keys() + 2 * net_.values() + 2 * net_.value_heads,
                     source.config.hidden_size);
    out_proj_ = Linear::load(source, name + "out_proj", source.config.hidden_size, net_.values());
  }

  void run(ForwardPass& pass, Matrix in, Matrix hidden) const override {
    const Matrix projected = pass.workspace.matrix("projected", in.rows, in_proj_.weight.rows);
    const Matrix mixed = pass.workspace.matrix("mixed", in.rows, net_.values());
    in_proj_.run(pass, in, projected, false);
    pass.backend.delta_net(net_, projected, pass.segments, mixed);
    residual_.add(pass, out_proj_, mixed, hidden);
  }
  LayerCache new_cache(LayerCache::Allocate allocate) const override {
    return {net_.key_heads, net_.key_dim, net_.value_dim, std::move(allocate)};
  }

 private:
  DeltaNet net_;
  Linear in_proj_, out_proj_;
  Residual residual_;
};

}  // namespace

std::unique_ptr<AttentionBlock> make_delta_net(const LayerSource& source) {
  return std::make_unique<GatedDeltaNet>(source, source.prefix + "self_attention.");
}

}  // namespace mhub::runtime
