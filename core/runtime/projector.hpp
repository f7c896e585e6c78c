// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/plugin/plugin.hpp"
#include "mhub/runtime/block.hpp"

namespace mhub::runtime {

/// What takes a vision transformer's tokens into the space of the decoder's embeddings. Borrows the backend.
class Projector {
 public:
  /// `width` is that of the transformer's tokens. Throws InputError for tensors that do not fit the steps.
  Projector(const Weights& weights, Backend& backend, const std::vector<ProjectorStep>& steps,
            std::int64_t width);

  /// Of tokens [count, width], with an average pool of tiles of side * side tokens: [rows, the last step's
  /// width].
  std::vector<float> run(std::span<const float> tokens, std::int64_t side) const;

 private:
  using Step = std::variant<Norm, Linear, Activation>;

  Backend& backend_;
  std::int64_t width_;
  std::int64_t pool_ = 0;  ///< tokens along a side behind an average pool in front of all; 0: none
  std::vector<Step> steps_;
};

}  // namespace mhub::runtime
