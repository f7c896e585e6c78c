// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mhub {

/// How Megatron spreads a global tensor over tensor-parallel ranks: not at all (every rank has a copy), or
/// along one axis that consists of segments, each of which is cut into TP equal parts on its own.
/// Column-parallel is axis 0 with one segment, gate/up is two, Mamba's in_proj five; row-parallel is axis 1.
struct Partition {
  int axis = -1;                       ///< -1: replicated
  std::vector<std::int64_t> segments;  ///< lengths along the axis; they sum to its size
  std::int64_t unit = 1;  ///< a rank's part of a segment must be a multiple of this (a query group)
  std::vector<std::int64_t> segment_units;  ///< likewise, one a segment where they differ; else empty
  bool vocabulary = false;                  ///< axis 0 counts tokens and may be padded in a stored checkpoint
  /// One name a segment where torch_dist keeps each under a key of its own, "<tensor>.<name>" (Mamba's and
  /// gated delta net's in_proj and conv1d: megatron/core/ssm/utils.py, _split_tensor_factory); else empty.
  std::vector<std::string> segment_keys;

  bool replicated() const { return axis < 0; }
  bool operator==(const Partition&) const = default;
};

}  // namespace mhub
