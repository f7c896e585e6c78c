// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/generation_config.hpp"

namespace mhub::runtime {
namespace {

/// "eos_token_id" is a number or a list of them.
std::vector<std::int64_t> token_ids(const ConfigReader& json, const std::string& key) {
  if (!json.has(key)) return {};
  if (!json.json()[key].is_array()) return {json.integer(key)};
  std::vector<std::int64_t> ids;
  for (const nlohmann::json& id : json.json()[key]) {
    if (!id.is_number_integer()) json.fail(key, "expected token numbers, found " + id.dump());
    ids.push_back(id.get<std::int64_t>());
  }
  return ids;
}

}  // namespace

GenerationConfig load_generation_config(const Checkpoint& checkpoint) {
  GenerationConfig generation;
  if (checkpoint.config) generation.eos_token_ids = token_ids(*checkpoint.config, "eos_token_id");
  const nlohmann::json stated = mhub::generation_config(checkpoint);
  if (stated.is_null()) return generation;
  const ConfigReader json(stated, checkpoint.path + ": generation_config.json");
  SamplingOptions& sampling = generation.sampling;
  sampling.do_sample = json.boolean("do_sample", false);
  sampling.temperature = json.number("temperature", 1.0);
  // transformers samples from the 50 most likely tokens where the file does not say.
  sampling.top_k = json.integer("top_k", 50);
  sampling.top_p = json.number("top_p", 1.0);
  sampling.min_p = json.number("min_p", 0.0);
  sampling.repetition_penalty = json.number("repetition_penalty", 1.0);
  if (json.has("eos_token_id")) generation.eos_token_ids = token_ids(json, "eos_token_id");
  if (json.has("max_length")) generation.max_length = json.positive("max_length");
  if (json.has("max_new_tokens")) generation.max_new_tokens = json.positive("max_new_tokens");
  return generation;
}

}  // namespace mhub::runtime
