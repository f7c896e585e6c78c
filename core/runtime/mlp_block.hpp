// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mhub/runtime/block.hpp"

namespace mhub::runtime {

/// The matrices of one MLP, fc2(act(fc1(in))): a layer's, an expert's or the shared experts'.
struct Mlp {
  Linear fc1, fc2;
  Activation activation;

  /// Tensors "<name>linear_fc1...", "<name>linear_fc2..." with `ffn` inner dimensions, and `outer` outer ones
  /// where those are not the model's.
  static Mlp load(const LayerSource& source, const std::string& name, std::int64_t ffn, Rows needed,
                  std::int64_t outer = 0);
  /// act(fc1(in)): what fc2 takes. Valid until the next call.
  Matrix inner(ForwardPass& pass, Matrix in) const;
};

/// The dense MLP of a layer.
std::unique_ptr<Block> make_mlp(const LayerSource& source);

}  // namespace mhub::runtime
