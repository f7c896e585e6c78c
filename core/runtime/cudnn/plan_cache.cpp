// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cudnn/plan_cache.hpp"

#include <unordered_map>

#include <cudnn_frontend.h>

#include "mhub/runtime/cudnn/cuda_error.hpp"

namespace mhub::runtime {
namespace {

template <typename Spec>
const BuiltGraph& find(std::map<Spec, BuiltGraph>& plans, const Spec& spec, const GraphBuilder& builder) {
  BuiltGraph& graph = plans[spec];
  if (graph == nullptr) graph = builder.build(spec);
  return graph;
}

}  // namespace

void PlanCache::run(const LinearSpec& spec, const LinearOperands& operands) {
  const auto bytes = static_cast<std::size_t>(spec.outputs * spec.inputs * size_of(spec.element));
  const void* second = spec.gated ? static_cast<const std::byte*>(operands.weight) + bytes : nullptr;
  execute(find(linear_, spec, builder_),
          {{kIn, operands.in},
           {kWeight, operands.weight},
           {kBias, operands.bias},
           {kGatedWeight, second},
           {kGatedBias, spec.gated && spec.bias ? operands.bias + spec.outputs : nullptr},
           {kOut, operands.out}},
          "linear");
}

void PlanCache::run(const NormSpec& spec, const NormOperands& operands) {
  execute(find(norm_, spec, builder_),
          {{kIn, operands.in},
           {kWeight, operands.weight},
           {kBias, operands.bias},
           {kEpsilon, &operands.epsilon},
           {kOut, operands.out}},
          "norm");
}

void PlanCache::run(const AttentionSpec& spec, const AttentionOperands& operands) {
  execute(find(attention_, spec, builder_),
          {{kQueries, operands.queries},
           {kKeys, operands.keys},
           {kValues, operands.values},
           {kQueryLengths, operands.query_lengths},
           {kKeyLengths, operands.key_lengths},
           {kKeyTables, operands.key_tables},
           {kValueTables, operands.value_tables},
           {kSinks, operands.sinks},
           {kOut, operands.out}},
          "attention");
}

void PlanCache::execute(const BuiltGraph& graph, std::initializer_list<Operand> operands,
                        const std::string& what) {
  std::unordered_map<std::int64_t, void*> pointers;
  for (const Operand& operand : operands) {
    if (operand.pointer != nullptr) pointers[operand.id] = const_cast<void*>(operand.pointer);
  }
  std::int64_t bytes = 0;
  cudnn_frontend::error_t status = graph->get_workspace_size(bytes);
  if (status.is_good() && bytes > workspace_bytes_) {
    workspace_.reset();
    void* memory = nullptr;
    check_cuda(cudaMalloc(&memory, static_cast<std::size_t>(bytes)),
               "workspace of " + std::to_string(bytes) + " bytes");
    workspace_ = {memory, [](void* p) { cudaFree(p); }};
    workspace_bytes_ = bytes;
  }
  if (status.is_good()) status = graph->execute(handle_, pointers, workspace_.get());
  if (status.is_bad()) throw IoError("cuDNN: " + what + ": " + status.get_message());
}

}  // namespace mhub::runtime
