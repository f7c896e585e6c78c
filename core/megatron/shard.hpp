// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mhub/mapping/partition.hpp"
#include "mhub/tensor/shape.hpp"

namespace mhub {

/// A run of indices along the split axis that one tensor-parallel rank owns.
struct AxisRange {
  std::int64_t global = 0;  ///< first index in the whole tensor
  std::int64_t local = 0;   ///< first index in the rank's shard
  std::int64_t length = 0;
};

/// The runs that `rank` of `ranks` owns, one per segment, in order. `name` is for the message of the
/// InputError that says that a segment does not divide. Not for replicated tensors.
std::vector<AxisRange> shard_ranges(const std::string& name, const Partition& partition, int ranks, int rank);

/// The expert-parallel rank of `ranks` that owns an expert: contiguous blocks of `experts / ranks`. `name` is
/// for the message of the InputError that says that they do not divide.
int expert_group(const std::string& name, std::int64_t expert, std::int64_t experts, int ranks);

/// Vocabulary rows after padding to a multiple of divisible_by * tp (Megatron-LM's vocab_utils.py,
/// calculate_padded_vocab_size).
std::int64_t padded_vocabulary(std::int64_t rows, std::int64_t divisible_by, int tensor_parallel);

}  // namespace mhub
