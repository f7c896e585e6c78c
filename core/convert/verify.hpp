// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/base/progress.hpp"
#include "mhub/formats/checkpoint.hpp"
#include "mhub/mapping/executor.hpp"

namespace mhub {

struct VerifyOptions {
  int jobs = 0;       ///< threads; 0: one per processor
  bool cast = false;  ///< where types differ, cast the left to the right's type first (exactly that rounding)
  Callbacks callbacks = {};
  bool tensors_only = false;  ///< do not ask whether the two are the same function of their tensors
};

/// A tensor of one model that the other does not have like this.
struct UnmatchedTensor {
  std::string name;
  std::optional<Shape> left, right;  ///< absent: that side has no such tensor
};

/// A tensor that the two sides store in different types.
struct RetypedTensor {
  std::string name;
  DType left, right;
};

struct VerifyReport {
  std::size_t tensors = 0;  ///< compared: canonical tensors, and stored copies of both sides
  std::uint64_t bytes = 0;
  std::vector<std::string> fields;  ///< of TransformerConfig that differ, "rotary_base (10000.0, 1000000.0)"
  /// Canonical tensors that only one side has, or that have another shape; with any, none are compared.
  std::vector<UnmatchedTensor> unmatched;
  /// Tensors of different types, unless the left is cast. Their values are compared, exactly, in the type
  /// that holds both; where they are equal nothing but the type differs.
  std::vector<RetypedTensor> retyped;
  std::vector<Difference> differences;

  bool equal() const { return fields.empty() && unmatched.empty() && retyped.empty() && differences.empty(); }
};

/// Compares what two checkpoints are, field by field, and then their tensors bit for bit through the mapping:
/// every canonical tensor, and every stored copy (replicas on ranks, tied embeddings of the last stage)
/// against what it copies. Models of other tensors or types are reported, not thrown. Throws InputError when
/// a side's model is unknown, MismatchError where no type holds the values of both sides (joined_dtype).
VerifyReport verify(const Checkpoint& left, const Checkpoint& right, const VerifyOptions& options = {});

/// Opens both (open_both) and compares them.
VerifyReport verify(const std::string& left, const std::string& right, const VerifyOptions& options = {},
                    const OpenOptions& open = {});

}  // namespace mhub
