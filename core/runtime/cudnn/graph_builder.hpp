// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "mhub/runtime/device/graph_spec.hpp"

// cudnn_frontend.h takes long to compile: only graph_builder.cpp and plan_cache.cpp include it.
namespace cudnn_frontend {
class DeviceProperties;
namespace graph {
class Graph;
}
}  // namespace cudnn_frontend

namespace mhub::runtime {

/// A graph with an execution plan: it can run.
using BuiltGraph = std::shared_ptr<cudnn_frontend::graph::Graph>;

/// What the tensors of a graph are called when it runs (cuDNN's unique ids).
enum GraphTensor : std::int64_t {
  kIn = 1,
  kWeight,
  kBias,
  kGatedWeight,  ///< the second half of a gated product's
  kGatedBias,
  kOut,
  kEpsilon,
  kQueries,
  kKeys,
  kValues,
  kQueryLengths,
  kKeyLengths,
  kKeyTables,
  kValueTables,
  kSinks
};

/// Builds cuDNN graphs for one kind of GPU to finished plans: cuDNN's heuristics choose an engine and its
/// kernels are compiled. Needs no device, only a description of one.
class GraphBuilder {
 public:
  /// The GPU with this number. Throws IoError when cuDNN cannot tell its properties.
  static GraphBuilder for_device(int device);
  /// The GPU that cuDNN's JSON describes, with compute capability `version` / 10. Throws InputError when
  /// cuDNN does not take it.
  static GraphBuilder for_properties(std::span<const std::byte> json, int version);

  /// Throws IoError naming the specification and cuDNN's reason when it has no plan.
  BuiltGraph build(const LinearSpec& spec) const;
  BuiltGraph build(const NormSpec& spec) const;
  BuiltGraph build(const AttentionSpec& spec) const;

 private:
  GraphBuilder(std::shared_ptr<const cudnn_frontend::DeviceProperties> properties, int version)
      : properties_(std::move(properties)), version_(version) {}
  BuiltGraph new_graph() const;

  std::shared_ptr<const cudnn_frontend::DeviceProperties> properties_;
  int version_;
};

/// "9.19.0"
std::string cudnn_version();

}  // namespace mhub::runtime
