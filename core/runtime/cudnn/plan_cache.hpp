// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>

#include <cudnn.h>

#include "mhub/runtime/cudnn/graph_builder.hpp"

namespace mhub::runtime {

/// The plans of a run, each built when it is first needed, and their workspace.
class PlanCache {
 public:
  /// Plans run in the handle's stream; borrows the handle.
  PlanCache(GraphBuilder builder, cudnnHandle_t handle) : builder_(std::move(builder)), handle_(handle) {}

  void run(const LinearSpec& spec, const LinearOperands& operands);
  void run(const NormSpec& spec, const NormOperands& operands);
  void run(const AttentionSpec& spec, const AttentionOperands& operands);

 private:
  struct Operand {
    GraphTensor id;
    const void* pointer;
  };
  void execute(const BuiltGraph& graph, std::initializer_list<Operand> operands, const std::string& what);

  GraphBuilder builder_;
  cudnnHandle_t handle_;
  std::map<LinearSpec, BuiltGraph> linear_;
  std::map<NormSpec, BuiltGraph> norm_;
  std::map<AttentionSpec, BuiltGraph> attention_;
  std::shared_ptr<void> workspace_;
  std::int64_t workspace_bytes_ = 0;
};

}  // namespace mhub::runtime
