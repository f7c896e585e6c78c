// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "mhub/formats/checkpoint.hpp"
#include "mhub/mapping/plan.hpp"

namespace mhub {

/// Whose name a tensor was found by. Each sees all of the state in its own tensors and shapes: those of the
/// Hugging Face model, Megatron's whole and unsharded (the canonical state), or one a meaning
/// (uniform_names.hpp).
enum class NameKind : std::uint8_t { hugging_face, megatron, uniform };
/// "Hugging Face", "Megatron", "uniform"
std::string_view to_string(NameKind kind);

/// A tensor that a pattern found. Borrows the checkpoint.
class StateEntry {
 public:
  const std::string& name() const { return found_->plan.tensors[index_].name; }
  NameKind kind() const { return found_->kind; }
  const Shape& shape() const { return found_->plan.tensors[index_].shape; }
  DType dtype() const { return found_->plan.tensors[index_].dtype; }  ///< as stored
  std::int64_t numel() const { return found_->plan.chunks[index_].elements; }
  /// The values, row-major. Reads the tensor. Throws IoError, or InputError for a type that is not a
  /// number's.
  std::vector<float> floats() const;

 private:
  friend class ModelState;
  struct Found {
    NameKind kind;
    CopyPlan plan;
  };
  StateEntry(std::shared_ptr<const Found> found, std::size_t index)
      : found_(std::move(found)), index_(index) {}
  std::shared_ptr<const Found> found_;
  std::size_t index_;
};

/// The tensors of a checkpoint of any kind and layout, by Hugging Face, Megatron and uniform names. Making
/// one reads no tensor.
///
/// A pattern is tried on the three kinds of names in this order, and nothing is found twice: a tensor of a
/// later kind is left out where one of its elements was found by an earlier one. So "*.self_attn.*" gives the
/// Hugging Face tensors of a Llama, "*.linear_qkv.weight" the Megatron ones, "*.attention.*.weight" queries,
/// keys, values and outputs, and what a model calls "attention" itself as it has it. `only` asks for one
/// kind.
class ModelState {
 public:
  /// `checkpoint` must know its model and outlive this and all entries.
  explicit ModelState(const Checkpoint& checkpoint);

  /// Tensors of the canonical state.
  std::size_t size() const { return state_->tensors.size(); }
  /// The tensors whose names a shell pattern matches, in the model's order. "*." in front may stand for
  /// nothing, so that "*.layer.*" finds "layer.0.mlp_norm.weight".
  std::vector<StateEntry> glob(const std::string& pattern, std::optional<NameKind> only = {}) const;
  /// The same. Throws UsageError with the nearest names when there is none.
  std::vector<StateEntry> operator[](const std::string& pattern) const;
  /// The tensors whose names contain a match of a regular expression (Oniguruma, Ruby syntax). Throws
  /// UsageError for one that is not valid.
  std::vector<StateEntry> regex(const std::string& expression, std::optional<NameKind> only = {}) const;
  /// The tensor of exactly that name. Throws UsageError with the nearest names when there is none.
  StateEntry at(const std::string& name) const;

 private:
  using Matches = std::function<bool(const std::string& name)>;
  std::vector<StateEntry> find(const Matches& matches, std::optional<NameKind> only) const;
  [[noreturn]] void fail(const std::string& pattern) const;

  const CanonicalState* state_;
  std::string path_;
  std::array<StateMap, 3> named_;  ///< the canonical state -> the tensors of each kind of name
};

}  // namespace mhub
