// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/formats/megatron/megatron_format.hpp"

namespace mhub {

/// What a checkpoint says of its own model: Megatron-LM's args or Megatron-Bridge's run_config.yaml.
class OwnWords {
 public:
  /// Args where there are some: they say more, since Bridge refuses fields that it does not know. Nothing
  /// where the checkpoint says nothing. Throws InputError for a file that cannot be read.
  static std::optional<OwnWords> of(const MegatronFacts& facts, const std::string& directory);

  /// Those of run_config.yaml, also where there are args.
  static std::optional<OwnWords> of_run_config(const MegatronFacts& facts);

  /// The model, with the names and defaults of a GPTModel. Throws InputError.
  TransformerConfig model() const;

  /// A model of which that is the decoder (WholeModel): its class, and its config.json as far as it is said.
  struct Whole {
    const ModelDescriptor* model = nullptr;
    nlohmann::json outer;
  };
  /// Nothing for others. Throws InputError.
  std::optional<Whole> whole() const;

  /// The checkpoint's config, which was found elsewhere (`place`: a Hugging Face folder, mhub's manifest),
  /// with all that the checkpoint itself says differently: it has been trained since, and it counts. Each
  /// difference becomes a note, and so does what only the other place says. Throws InputError where the
  /// class has no config.json that says the same, so that one of the two must be wrong.
  void correct(Checkpoint& checkpoint, const std::string& place) const;

  /// How many rows the embedding has, with padding, where that is said.
  std::optional<std::int64_t> rows() const;

  /// Where another description of the same checkpoint says something else: a sentence for each field. These
  /// words count.
  Lines contradictions(const OwnWords& other) const;

 private:
  OwnWords(Dialect dialect, nlohmann::json fields, std::string where);
  std::int64_t vocabulary(std::int64_t stated, std::int64_t known, const std::string& place,
                          Lines& notes) const;
  TransformerConfig restated(TransformerConfig present) const;

  Dialect dialect_;
  nlohmann::json fields_;
  std::string where_;
};

}  // namespace mhub
