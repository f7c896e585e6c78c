// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>

#include "cudnn/model_shapes.hpp"
#include "mhub/runtime/device/device.hpp"

namespace mhub::tests {

/// The graphs that a run asks its device for.
struct Specs {
  std::set<runtime::LinearSpec> linear;
  std::set<runtime::NormSpec> norm;
  std::set<runtime::AttentionSpec> attention;

  std::size_t size() const { return linear.size() + norm.size() + attention.size(); }
};

/// How many tokens a forward pass has.
struct Load {
  std::int64_t sequences;
  std::int64_t tokens;  ///< of each
  std::int64_t cached;  ///< of each, before
};

/// Adds the graphs of one layer and the output layer of a model: what the backend itself asks a device for
/// that computes nothing, with the operators called as the blocks of the decoder call them.
void collect(const ModelShape& model, runtime::Element run, const Load& load, Specs& specs);

}  // namespace mhub::tests
