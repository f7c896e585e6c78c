// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/plugin/vision_parts.hpp"
#include "mhub/runtime/block.hpp"
#include "mhub/runtime/patch_order.hpp"

namespace mhub::runtime {

/// What takes a vision transformer's tokens into the space of the decoder's embeddings. Borrows the backend.
class Projector {
 public:
  /// `width` is that of the transformer's tokens. Throws InputError for tensors that do not fit the steps.
  Projector(const Weights& weights, Backend& backend, const std::vector<ProjectorStep>& steps,
            std::int64_t width);

  /// Of tokens [grid.tokens(), width]: [rows, the last step's width]. Throws InputError for a grid that the
  /// steps cannot divide.
  std::vector<float> run(std::span<const float> tokens, const PatchGrid& grid) const;

 private:
  struct Gate {
    Linear gate, up;
    Activation activation;
  };
  using Step = std::variant<AveragePool, MergeTokens, Norm, Linear, Gate, Activation>;

  [[noreturn]] void refuse(const std::string& expected, const PatchGrid& grid) const;

  Backend& backend_;
  std::string source_;
  std::int64_t width_;
  std::vector<Step> steps_;
};

}  // namespace mhub::runtime
