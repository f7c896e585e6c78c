#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mhub/mapping/pattern.hpp"
#include "mhub/mapping/state_map.hpp"
#include "mhub/mapping/transform.hpp"

namespace mhub {

/// One line of a mapping: a Megatron tensor (or one per value of the index variables in its name) and the
/// Hugging Face tensors that it is made of.
struct Rule {
  std::string megatron;  ///< name pattern: "decoder.layers.{i}.mlp.linear_fc2.weight"
  Transform transform;
  std::map<std::string, std::vector<std::int64_t>>
      values;  ///< of index variables that do not take their full range

  /// Restricts an index variable to [begin, end).
  Rule& only(const std::string& variable, std::int64_t begin, std::int64_t end);
  /// Restricts an index variable to the given values (layers of one kind in a hybrid stack).
  Rule& only(const std::string& variable, std::vector<std::int64_t> allowed);
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
  /// Names may come without this prefix: checkpoints of the base model ("h.0.ln_1.weight" for
  /// "transformer.h.0.ln_1.weight"), as transformers' base_model_prefix allows.
  Mapping& base_model_prefix(std::string prefix);

  struct Tied {
    std::string hf, same_as;
  };
  struct Ignored {
    std::string glob, why;
  };
  const std::vector<Rule>& rules() const { return rules_; }
  const std::vector<Tied>& ties() const { return ties_; }
  const std::vector<Ignored>& ignored() const { return ignored_; }
  const std::string& prefix() const { return prefix_; }
  const std::map<std::string, std::int64_t>& indices() const { return indices_; }

 private:
  std::map<std::string, std::int64_t> indices_;
  std::vector<Rule> rules_;
  std::vector<Tied> ties_;
  std::vector<Ignored> ignored_;
  std::string prefix_;
};

/// A tensor of the canonical state: Megatron-Core's own name (TransformerEngine flavour), global and
/// unsharded, one entry per layer and expert.
struct CanonicalTensor {
  std::string name;
  Shape shape;
  Partition partition;
};

/// A mapping with every index variable replaced by its values.
struct ExpandedMapping {
  std::vector<CanonicalTensor> canonical;  ///< parallel to import.destination
  StateMap import;                         ///< Hugging Face state -> canonical state
};

/// Expands and checks: every canonical element has exactly one source element and the other way round. Throws
/// std::logic_error where the declaration contradicts itself.
ExpandedMapping expand(const Mapping& mapping);

}  // namespace mhub
