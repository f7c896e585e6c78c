// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mhub/formats/output_format.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/megatron/megatron_args.hpp"

namespace mhub {

/// A model as the target's Megatron class sees it, and how it is laid out.
struct MegatronModel {
  TransformerConfig config;
  std::vector<CanonicalTensor> tensors;
  LayoutRequest request;
  MegatronTarget target;
};

/// What the folder formats of Megatron differ in.
struct MegatronDialect {
  std::string_view name;
  std::int64_t vocab_divisible_by;  ///< where the caller does not say
  Layout (*layout)(const std::vector<CanonicalTensor>&, const LayoutRequest&);
  /// The sink for an iteration's folder; it may borrow the model.
  std::unique_ptr<TensorSink> (*sink)(const MegatronModel& model, const std::string& folder,
                                      const CopyPlan& plan, OutputMode mode);
  bool distributed = false;  ///< MegatronTarget::distributed
};

/// A root with a tracker file and one iteration: tensors, run_config.yaml and the tokenizer.
std::unique_ptr<OutputFormat> make_megatron_output(const MegatronDialect& dialect,
                                                   const WriteOptions& options, const Checkpoint& source);

}  // namespace mhub
