// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mhub/formats/checkpoint.hpp"
#include "mhub/mapping/plan.hpp"

namespace mhub::runtime {

class ModelState;

/// One canonical (Megatron-named) tensor of a checkpoint. Borrows the checkpoint.
class StateEntry {
 public:
  const std::string& name() const;
  const Shape& shape() const;
  DType dtype() const;  ///< as stored
  std::int64_t numel() const;
  /// The values, row-major. Reads the tensor. Throws IoError, or InputError for a type that is not a
  /// number's.
  std::vector<float> floats() const;

 private:
  friend class ModelState;
  StateEntry(std::shared_ptr<const CopyPlan> plan, std::size_t index)
      : plan_(std::move(plan)), index_(index) {}
  std::shared_ptr<const CopyPlan> plan_;
  std::size_t index_;
};

/// A checkpoint's tensors by their Megatron names, whatever kind and layout it has. Making one reads nothing.
class ModelState {
 public:
  /// `checkpoint` must know its model and outlive this and all entries.
  explicit ModelState(const Checkpoint& checkpoint);

  std::size_t size() const { return plan_->tensors.size(); }
  /// The tensors whose names a shell pattern matches, in the model's order: "decoder.layers.*.mlp.*.weight".
  std::vector<StateEntry> glob(const std::string& pattern) const;
  std::vector<StateEntry> operator[](const std::string& pattern) const { return glob(pattern); }
  /// The tensors whose names contain a match of an ECMAScript regular expression. Throws UsageError for one
  /// that is not valid.
  std::vector<StateEntry> regex(const std::string& expression) const;
  /// The tensor of exactly that name. Throws UsageError when there is none.
  StateEntry at(const std::string& name) const;

 private:
  std::shared_ptr<const CopyPlan> plan_;
};

}  // namespace mhub::runtime
