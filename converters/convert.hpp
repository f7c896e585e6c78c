#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/mapping/plan.hpp"
#include "mhub/model/checkpoint.hpp"
#include "mhub/model/megatron_args.hpp"

namespace mhub::converters {

/// What `mhub convert` and a recipe ask for.
struct ConvertOptions {
  std::string source, output;
  std::string to = "torch_dist";  ///< torch_dist, torch
  ParallelSizes sizes;
  std::optional<DType> dtype;  ///< cast floating-point tensors; absent: keep each one's own
  std::optional<std::int64_t>
      vocab_divisible_by;  ///< absent: 128 for torch (Megatron-LM's default), no padding else
  TransformerImpl impl = TransformerImpl::transformer_engine;
  std::optional<std::int64_t> iteration;  ///< absent: "release"
  int jobs = 0;
  bool overwrite = false, verify = false, quiet = false;
};

/// A conversion worked out but not done: prints as a dry run, runs as a conversion.
struct Conversion {
  Checkpoint source;
  Layout layout;
  CopyPlan plan;
  MegatronTarget target;
  std::string folder;  ///< "release" or "iter_0000100"
};

/// Opens the source and compiles the plan. Reads headers only.
Conversion plan_conversion(const ConvertOptions& options);

/// The plan for people: per rank tensors, bytes and source files.
nlohmann::json describe_plan(const Conversion& conversion);

/// Carries a conversion out: checks tied tensors, writes under a temporary name, adds Megatron's and Bridge's
/// metadata, the tokenizer's files and the manifest, verifies when asked, renames. Returns a report.
nlohmann::json run_conversion(const Conversion& conversion, const ConvertOptions& options);

}  // namespace mhub::converters
