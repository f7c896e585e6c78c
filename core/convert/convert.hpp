// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/formats/checkpoint.hpp"
#include "mhub/mapping/plan.hpp"
#include "mhub/megatron/megatron_args.hpp"

namespace mhub::converters {

/// What `mhub convert` and a recipe ask for.
struct ConvertOptions {
  std::string source, output;
  std::string to = "torch_dist";     ///< torch_dist, torch, hf, hdf5
  ParallelSizes sizes;               ///< but for expert_tensor
  std::optional<int> expert_tensor;  ///< ETP; absent: as TP, which is Megatron's default
  PipelineOptions pipeline;
  std::optional<DType> dtype;  ///< cast floating-point tensors; absent: keep each one's own
  std::optional<std::int64_t>
      vocab_divisible_by;  ///< absent: 128 for torch (Megatron-LM's default), no padding else
  TransformerImpl impl = TransformerImpl::transformer_engine;
  std::string model_type = "gpt";                ///< gpt, hybrid: Megatron model class to name tensors for
  std::optional<std::int64_t> iteration;         ///< absent: "release"
  std::optional<std::uint64_t> max_shard_bytes;  ///< hf: absent: the source's own files, else 5 GB
  std::string hf_reference, hf_class;            ///< see OpenOptions
  int jobs = 0;
  bool overwrite = false, resume = false, verify = false, quiet = false;
};

class OutputFormat;

/// A conversion worked out but not done: prints as a dry run, runs as a conversion.
struct Conversion {
  Conversion();
  Conversion(Conversion&&) noexcept;
  ~Conversion();

  Checkpoint source;
  std::unique_ptr<OutputFormat> output;
  CopyPlan plan;
};

/// Opens the source and compiles the plan. Reads headers only.
Conversion plan_conversion(const ConvertOptions& options);

/// Bytes that the tensors of a conversion take.
std::uint64_t total_bytes(const CopyPlan& plan);

/// The plan for people: per rank tensors, bytes and source files, and the disk space needed.
nlohmann::json describe_plan(const Conversion& conversion, const ConvertOptions& options);

/// Carries a conversion out: checks disk space and tied tensors, writes under a temporary name, adds the
/// format's metadata, the tokenizer's files and the manifest, verifies when asked, renames. A failure leaves
/// a partial folder that `resume` continues. Returns a report.
nlohmann::json run_conversion(const Conversion& conversion, const ConvertOptions& options);

}  // namespace mhub::converters
