// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/mapping/identity.hpp"
#include "mhub/mapping/state_map.hpp"
#include "mhub/mapping/transform.hpp"
#include "mhub/tensor/dtype.hpp"

namespace mhub {

/// One line of a mapping: a Megatron tensor (or one per value of the index variables in its name) and the
/// Hugging Face tensors that it is made of.
struct Rule {
  std::string megatron;  ///< name pattern: "decoder.layers.{i}.mlp.linear_fc2.weight"
  Transform transform;
  std::map<std::string, std::vector<std::int64_t>>
      values;  ///< of index variables that do not take their full range
  /// The type that the tensor keeps when a conversion casts the model; absent: it is cast.
  std::optional<DType> dtype = {};

  /// Restricts an index variable to [begin, end).
  Rule& only(const std::string& variable, std::int64_t begin, std::int64_t end);
  /// Restricts an index variable to the given values (layers of one kind in a hybrid stack).
  Rule& only(const std::string& variable, std::vector<std::int64_t> allowed);
};

/// What a mapping's names become in a model that has it as a module (Mapping::include).
struct ModuleNames {
  std::string megatron;     ///< in front of Megatron's names: "vision_model."
  std::string hf;           ///< in front of Hugging Face's names: "vision_tower."
  std::string index = "i";  ///< what the index variable "i" is called there
};

/// How the Hugging Face state and Megatron's canonical state of one model correspond, as a plugin declares it
/// from a config: data, read by conversion in both directions, verification, inspection and the runtime.
class Mapping {
 public:
  /// The index variable takes values 0 .. count-1 in every rule that does not say otherwise.
  Mapping& index(const std::string& variable, std::int64_t count);
  /// Adds a rule; the reference stays valid until the next call.
  Rule& rule(std::string megatron, Transform transform);
  /// A Hugging Face tensor that repeats another one (tied head). It may be absent; where it is present it
  /// must be equal, bit for bit.
  Mapping& tied(std::string hf, std::string same_as);
  /// Hugging Face tensors that hold no weights (buffers that the model recomputes); `why` is shown to people.
  Mapping& ignore(std::string glob, std::string why);
  /// Names that begin with `part` may begin with `instead`; a part that starts with a dot may be anywhere.
  Mapping& also_spelled(std::string part, std::string instead);
  /// Names may come without this prefix: checkpoints of the base model ("h.0.ln_1.weight" for
  /// "transformer.h.0.ln_1.weight"), as transformers' base_model_prefix allows.
  Mapping& base_model_prefix(std::string prefix) { return also_spelled(std::move(prefix), ""); }
  /// A Hugging Face tensor (name pattern) that Megatron's model has no place for: see kCarriedPrefix.
  Rule& carried(const std::string& hf, const Shape& shape);
  /// A part of the Hugging Face model that Megatron's has no place for and whose inside nothing describes:
  /// every tensor whose name begins with `prefix` is carried, in the shape that the checkpoint has
  /// (with_rest).
  Mapping& carry_rest(std::string prefix);
  /// The same for a part that Megatron's model has as it is, a module of transformers' own: its tensors are
  /// called `megatron` and the rest of their names there, with a copy on every rank.
  Mapping& keep_rest(std::string prefix, std::string megatron);
  /// Megatron's model ends before value `begin` of an index variable: from there on all tensors are carried.
  Mapping& carry_from(const std::string& variable, std::int64_t begin);
  /// Megatron's model has nothing of this: all tensors are carried.
  Mapping& carry_all();
  /// Adds all of the mapping of a module. Throws std::logic_error where both use an index variable for
  /// different ranges.
  Mapping& include(const Mapping& module, const ModuleNames& names);
  /// Hugging Face names that begin with `part` are declared with `instead`.
  Mapping& renamed(const std::string& part, const std::string& instead);

  struct Tied {
    std::string hf, same_as;
  };
  struct Ignored {
    std::string glob, why;
  };
  struct Spelling {
    std::string part, instead;
  };
  const std::vector<Rule>& rules() const { return rules_; }
  std::vector<Rule>& rules() { return rules_; }
  const std::vector<Tied>& ties() const { return ties_; }
  const std::vector<Ignored>& ignored() const { return ignored_; }
  /// What tensors begin with that are found out from a checkpoint.
  struct Rest {
    std::string hf, megatron;
    bool carried() const { return megatron.starts_with(kCarriedPrefix); }
  };
  const std::vector<Rest>& rest() const { return rest_; }
  /// All that a Hugging Face tensor may be called, its declared name first.
  std::vector<std::string> names_of(const std::string& declared) const;
  const std::map<std::string, std::int64_t>& indices() const { return indices_; }

 private:
  std::map<std::string, std::int64_t> indices_;
  std::vector<Rule> rules_;
  std::vector<Tied> ties_;
  std::vector<Ignored> ignored_;
  std::vector<Spelling> spellings_;
  std::vector<Rest> rest_;
};

/// The mapping for a checkpoint that has the tensors `stored` of the Hugging Face state (in any spelling;
/// others do no harm): rules for each of Mapping::rest. Throws InputError, which begins with `where`, when
/// there is none of a prefix.
Mapping with_rest(Mapping mapping, const std::vector<StateTensor>& stored, const std::string& where);

/// The tensors of Mapping::rest that a Megatron state has, which are `stored` there, as Hugging Face tensors.
std::vector<StateTensor> rest_of(const Mapping& mapping, const std::vector<StateTensor>& stored);

/// A tensor of the canonical state: global and unsharded, one entry per layer and expert.
struct CanonicalTensor {
  TensorIdentity identity;
  std::string name;  ///< canonical_name(identity), by which state maps know it
  Shape shape;
  Partition partition;
  std::optional<DType> dtype = {};                ///< Rule::dtype
  std::optional<Partition> local_partition = {};  ///< Transform::local_partition
  std::int64_t unread =
      0;  ///< elements that Hugging Face has not, as nobody looks at them: fillers and zeros
};

/// A mapping with every index variable replaced by its values.
struct ExpandedMapping {
  std::vector<CanonicalTensor> canonical;  ///< parallel to import.destination
  StateMap import;                         ///< Hugging Face state -> canonical state
};

/// The carried ones, as tensors of the Hugging Face state.
std::vector<StateTensor> carried_tensors(const std::vector<CanonicalTensor>& canonical);

/// Expands and checks: every canonical element has exactly one source element and the other way round. Throws
/// std::logic_error where the declaration contradicts itself.
ExpandedMapping expand(const Mapping& mapping);

/// What is wrong with a declaration, one sentence each, where expand() would throw the first as a
/// std::logic_error. For those who write one (`mhub plugins --check`).
std::vector<std::string> contradictions(const Mapping& mapping);

}  // namespace mhub
