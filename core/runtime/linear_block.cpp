// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/linear_block.hpp"

namespace mhub::runtime {
namespace {

class LinearBlock final : public AttentionBlock {
 public:
  LinearBlock(const LayerSource& source, const std::string& name)
      : linear_(Linear::load(source, name, source.config.hidden_size, source.config.hidden_size)),
        residual_(source, name + ".post_layernorm.") {}
  void run(ForwardPass& pass, Matrix in, Matrix hidden) const override {
    residual_.add(pass, linear_, in, hidden);
  }
  LayerCache new_cache(LayerCache::Allocate allocate) const override {
    return {0, 0, 0, std::move(allocate)};
  }

 private:
  Linear linear_;
  Residual residual_;
};

}  // namespace

std::unique_ptr<AttentionBlock> make_linear(const LayerSource& source, const std::string& name) {
  return std::make_unique<LinearBlock>(source, source.prefix + name);
}

}  // namespace mhub::runtime
