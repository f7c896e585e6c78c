// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/megatron/pipeline_split.hpp"
#include "mhub/megatron/stored_names.hpp"
#include "mhub/tensor/dtype.hpp"

namespace mhub {

/// What is to be written: format, layout and element type. An option that a format or a model has no use for
/// is refused.
struct WriteOptions {
  std::string format = {};          ///< torch_dist, torch, hf, hdf5, null; empty: the first of them
  int tp = 1, pp = 1, vpp = 1;      ///< tensor, pipeline, virtual pipeline parallel sizes
  int ep = 1;                       ///< expert parallel
  std::optional<int> etp = {};      ///< expert tensor parallel; absent: as tp, which is Megatron's default
  PipelineOptions pipeline = {};    ///< how layers are spread over stages
  std::optional<DType> dtype = {};  ///< cast floating-point tensors; absent: keep each one's own
  /// Absent: 128 for torch (Megatron-LM's default), no padding else.
  std::optional<std::int64_t> vocab_divisible_by = {};
  TransformerImpl impl = TransformerImpl::transformer_engine;
  /// Megatron's class to name tensors for: gpt, hybrid, vlm (WholeModel); empty: vlm of a model that has one,
  /// else gpt.
  std::string model_type = {};
  std::optional<std::int64_t> iteration = {};         ///< absent: "release"
  std::optional<std::uint64_t> max_shard_bytes = {};  ///< hf; absent: the source's own files, else 5 GB

  bool operator==(const WriteOptions&) const = default;
};

}  // namespace mhub
