// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mhub/formats/checkpoint.hpp"
#include "mhub/runtime/logits_rules.hpp"
#include "mhub/runtime/sampling.hpp"

namespace mhub::runtime {

/// A field of generation_config.json that changes the text and that mhub does not have.
struct UnsupportedField {
  std::string field, value;
  bool sampling;  ///< it counts only where tokens are drawn
};

/// What decides how long and how text is generated; transformers' GenerationConfig in the fields that mhub
/// has. Numbers are as stated: whether sampling can use them is seen when it does (check).
struct GenerationConfig {
  std::string file;  ///< for messages
  SamplingOptions sampling;
  LogitsRules rules;
  std::vector<std::int64_t> eos_token_ids;  ///< each ends a sequence
  std::vector<std::string> stop_strings;
  std::optional<std::int64_t> max_length, max_new_tokens;  ///< nothing: not stated
  std::optional<bool> use_mtp;
  std::vector<UnsupportedField> unsupported;
};

/// Reads the generation_config.json that belongs to the checkpoint, if there is one; end-of-sequence tokens
/// also come from the model's config.json. Throws InputError that names the file and the key.
GenerationConfig load_generation_config(const Checkpoint& checkpoint);

}  // namespace mhub::runtime
