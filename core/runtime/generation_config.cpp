// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/generation_config.hpp"

#include "mhub/base/json.hpp"

namespace mhub::runtime {
namespace {

using Tokens = std::vector<std::int64_t>;

Tokens token_list(const ConfigReader& json, const std::string& key, const nlohmann::json& list) {
  Tokens ids;
  if (!list.is_array()) json.fail(key, "expected token numbers, found " + json_text(list));
  for (const nlohmann::json& id : list) {
    if (!id.is_number_integer()) json.fail(key, "expected token numbers, found " + json_text(id));
    ids.push_back(id.get<std::int64_t>());
  }
  return ids;
}

/// "eos_token_id" and others are a number or a list of them.
Tokens token_ids(const ConfigReader& json, const std::string& key) {
  if (!json.has(key)) return {};
  if (!json.json()[key].is_array()) return {json.integer(key)};
  return token_list(json, key, json.json()[key]);
}

/// [[1, 2], [3]]
std::vector<Tokens> words(const ConfigReader& json, const std::string& key) {
  std::vector<Tokens> lists;
  if (!json.has(key)) return lists;
  if (!json.json()[key].is_array()) json.fail(key, "expected lists of token numbers");
  for (const nlohmann::json& word : json.json()[key]) lists.push_back(token_list(json, key, word));
  return lists;
}

/// [[[1, 2], -0.5], ...], as transformers saves it.
std::vector<LogitsRules::Bias> biases(const ConfigReader& json, const std::string& key) {
  std::vector<LogitsRules::Bias> list;
  if (!json.has(key)) return list;
  for (const nlohmann::json& one : json.json()[key]) {
    if (!one.is_array() || one.size() != 2 || !one[1].is_number())
      json.fail(key, "expected [token numbers, bias], found " + json_text(one));
    list.push_back({token_list(json, key, one[0]), one[1].get<double>()});
  }
  return list;
}

LogitsRules rules_of(const ConfigReader& json) {
  LogitsRules rules;
  rules.sequence_bias = biases(json, "sequence_bias");
  rules.repetition_penalty = json.number("repetition_penalty", 1.0);
  rules.no_repeat_ngram_size = json.integer("no_repeat_ngram_size", 0);
  rules.bad_words_ids = words(json, "bad_words_ids");
  rules.min_length = json.integer("min_length", 0);
  rules.min_new_tokens = json.integer("min_new_tokens", 0);
  if (json.has("forced_bos_token_id")) rules.forced_bos_token_id = json.integer("forced_bos_token_id");
  rules.forced_eos_token_id = token_ids(json, "forced_eos_token_id");
  rules.suppress_tokens = token_ids(json, "suppress_tokens");
  rules.begin_suppress_tokens = token_ids(json, "begin_suppress_tokens");
  return rules;
}

bool stated(const nlohmann::json&) { return true; }
bool is_true(const nlohmann::json& value) { return value == true; }
bool above_0(const nlohmann::json& value) { return !value.is_number() || value.get<double>() > 0; }
bool above_1(const nlohmann::json& value) { return !value.is_number() || value.get<double>() > 1; }
bool below_1(const nlohmann::json& value) { return !value.is_number() || value.get<double>() < 1; }
bool not_1(const nlohmann::json& value) { return value != 1; }
bool inside_0_1(const nlohmann::json& value) { return above_0(value) && below_1(value); }
bool not_integer(const nlohmann::json& value) { return !value.is_number_integer(); }

/// Fields that mhub does not have, and the values with which transformers' text would be another one
/// (generation/utils.py, _get_logits_processor; GenerationConfig.get_generation_mode). All fields of
/// GenerationConfig are decided: tests/interop/generation_check.py. What no class knows, transformers
/// ignores.
struct Unsupported {
  const char* field;
  bool (*counts)(const nlohmann::json& value);
  bool sampling = false;
};
constexpr Unsupported kUnsupported[] = {{"num_beams", above_1},
                                        {"num_return_sequences", above_1},
                                        {"penalty_alpha", above_0},
                                        {"dola_layers", stated},
                                        {"constraints", stated},
                                        {"force_words_ids", stated},
                                        {"max_time", stated},
                                        {"guidance_scale", not_1},
                                        {"watermarking_config", stated},
                                        {"token_healing", is_true},
                                        {"is_assistant", is_true},
                                        {"exponential_decay_length_penalty", stated},
                                        {"encoder_repetition_penalty", not_1},
                                        {"encoder_no_repeat_ngram_size", above_0},
                                        {"top_k", not_integer, true},
                                        {"top_h", stated, true},
                                        {"typical_p", below_1, true},
                                        {"epsilon_cutoff", inside_0_1, true},
                                        {"eta_cutoff", inside_0_1, true}};

/// Without the file, config.json's fields of the same names count, and what only its text_config says
/// (GenerationConfig.from_model_config).
nlohmann::json settings_of_model(const Checkpoint& checkpoint) {
  nlohmann::json settings = nlohmann::json::object();
  if (!checkpoint.config) return settings;
  const nlohmann::json& whole = checkpoint.config->json();
  if (whole.contains("text_config") && whole["text_config"].is_object()) settings = whole["text_config"];
  for (const auto& [key, value] : whole.items()) {
    if (!value.is_null()) settings[key] = value;
  }
  return settings;
}

}  // namespace

GenerationConfig load_generation_config(const Checkpoint& checkpoint) {
  GenerationConfig generation;
  const nlohmann::json found = mhub::generation_config(checkpoint);
  generation.file = checkpoint.path + (found.is_null() ? ": config.json" : ": generation_config.json");
  if (checkpoint.config) generation.eos_token_ids = token_ids(*checkpoint.config, "eos_token_id");
  const ConfigReader json(found.is_null() ? settings_of_model(checkpoint) : found, generation.file);
  SamplingOptions& sampling = generation.sampling;
  sampling.do_sample = json.boolean("do_sample", false);
  sampling.temperature = json.number("temperature", 1.0);
  // transformers samples from the 50 most likely tokens where nothing is said
  // (_get_default_generation_params).
  sampling.top_k = static_cast<std::int64_t>(json.number("top_k", 50));
  sampling.top_p = json.number("top_p", 1.0);
  sampling.min_p = json.number("min_p", 0.0);
  generation.rules = rules_of(json);
  if (json.has("eos_token_id")) generation.eos_token_ids = token_ids(json, "eos_token_id");
  if (json.has("stop_strings")) {
    generation.stop_strings = json.json()["stop_strings"].is_string()
                                  ? std::vector<std::string>{json.string("stop_strings")}
                                  : json.strings("stop_strings");
  }
  if (json.has("use_mtp")) generation.use_mtp = json.boolean("use_mtp");
  if (json.has("max_length")) generation.max_length = json.positive("max_length");
  if (json.has("max_new_tokens")) generation.max_new_tokens = json.positive("max_new_tokens");
  for (const Unsupported& one : kUnsupported) {
    if (!json.has(one.field)) continue;
    const nlohmann::json& value = json.json()[one.field];
    if (one.counts(value)) generation.unsupported.push_back({one.field, json_text(value), one.sampling});
  }
  return generation;
}

}  // namespace mhub::runtime
