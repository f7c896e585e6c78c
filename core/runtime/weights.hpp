// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "mhub/formats/checkpoint.hpp"
#include "mhub/runtime/weight_view.hpp"

namespace mhub::runtime {

/// The plan that reads every canonical tensor whole and in its stored type: one dense chunk each, in the
/// order of state.tensors. Borrows the state's sources.
CopyPlan canonical_plan(const CanonicalState& state);

/// The canonical (Megatron-named) tensors of a checkpoint of any kind, as a model's parts ask for them.
/// Borrows the checkpoint, whose mapped files the views point into. Asking for a tensor marks it as used.
/// Copies and the weights of a part share that.
class Weights {
 public:
  /// Matrices keep their stored type; with a `dtype` (f32, f16, bf16) those of another type are copied in it.
  /// Throws InputError for a checkpoint that does not say what model it holds.
  explicit Weights(const Checkpoint& checkpoint, std::optional<DType> dtype = {});

  /// Those of a part of the model: every name gets this in front ("vision_model.").
  Weights inside(const std::string& module) const;

  bool has(const std::string& name) const { return all_->index.contains(module_ + name); }
  /// The matrix [rows, columns], in place if possible. Throws InputError when there is none of that name and
  /// shape.
  WeightView matrix(const std::string& name, std::int64_t rows, std::int64_t columns);
  /// The same of a tensor with more axes: the first gives rows, the others together columns.
  WeightView matrix(const std::string& name, const Shape& shape);
  /// A vector as float32 values; its shape may have axes of 1 around `size`.
  std::vector<float> vector(const std::string& name, std::int64_t size);
  /// The same, or empty when there is none of that name.
  std::vector<float> optional_vector(const std::string& name, std::int64_t size);
  /// A tensor of any shape as float32 values, row-major.
  std::vector<float> values(const std::string& name, const Shape& shape);

  /// Marks a tensor as used by somebody else.
  void mark_used(const std::string& name) { all_->used.insert(module_ + name); }
  /// Marks every tensor whose name begins so as used.
  void ignore(const std::string& prefix);
  /// Throws InputError naming a canonical tensor that nothing asked for: the model has a part that the
  /// decoder would leave out.
  void require_all_used() const;

  /// Bytes of views that could not be used in place.
  std::uint64_t gathered_bytes() const { return all_->gathered_bytes; }
  /// The files that views point into.
  const std::string& source() const { return all_->source; }

 private:
  struct All {
    std::string source;
    std::optional<DType> dtype;
    CopyPlan plan;  ///< one dense chunk per canonical tensor
    std::unordered_map<std::string, std::size_t> index;
    std::set<std::string> used;
    std::uint64_t gathered_bytes = 0;
  };
  const ChunkPlan& find(const std::string& name, const Shape& shape);

  std::shared_ptr<All> all_;
  std::string module_;
};

}  // namespace mhub::runtime
