// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/config/fields.hpp"
#include "mhub/plugin/registry.hpp"

namespace mhub {
namespace {

/// What a class makes of a Megatron model: a config.json and what is wrong with it.
struct Candidate {
  const ModelDescriptor* model = nullptr;
  nlohmann::json config;
  std::vector<std::string> problems;
  bool unfit = false;  ///< there is no such config.json: further away than any difference

  bool nearer_than(const Candidate& other) const {
    return std::pair(unfit, problems.size()) < std::pair(other.unfit, other.problems.size());
  }
};

Candidate attempt(const ModelDescriptor& model, const TransformerConfig& megatron, const std::string& where) {
  Candidate candidate{&model, {}, {}, false};
  try {
    candidate.config = model.config_json(megatron);
    candidate.config["architectures"] = {model.class_name};
    candidate.config["model_type"] = model.model_type;
    // Nobody has said which token pads. What transformers takes for it (Phi-3: 32000) may lie beyond the
    // vocabulary, and its embedding does not open then.
    candidate.config.emplace("pad_token_id", nullptr);
    candidate.problems = differing_fields(megatron, model.megatron(ConfigReader(candidate.config, where)));
  } catch (const InputError& error) {
    candidate.problems = {error.what()};
    candidate.unfit = true;
  }
  return candidate;
}

void require_sizes(const TransformerConfig& c, const std::string& where) {
  for (const Field& field : fields()) {
    if (field.required && matters(field, c) && field.get(c) < 1)
      throw InputError(where + ": " + field.name() + " is missing");
  }
}

/// Lists with an entry for each layer, as Megatron-Core's TransformerConfig asserts.
void require_layer_lists(const TransformerConfig& c, const std::string& where) {
  auto require = [&](const char* name, const std::vector<std::int64_t>& list) {
    if (list.empty() || static_cast<std::int64_t>(list.size()) == c.num_layers) return;
    throw InputError(where + ": " + name + " has " + std::to_string(list.size()) + " entries for " +
                     std::to_string(c.num_layers) + " layers");
  };
  require("no_rope_freq", c.no_rope_layers);
  if (c.heterogeneous) {
    require("block_configs", c.heterogeneous->num_query_groups);
    require("block_configs", c.heterogeneous->ffn_hidden_size);
  }
  if (!c.hybrid_layer_pattern.empty()) return;
  if (c.moe) require("moe_layer_freq", c.moe->layer_freq);
  if (c.linear_attention) require("linear_attention_freq", c.linear_attention->layer_freq);
}

}  // namespace

IdentifiedModel identify_model(const TransformerConfig& megatron,
                               const std::optional<std::string>& class_name, const std::string& where) {
  require_sizes(megatron, where);
  require_layer_lists(megatron, where);
  std::optional<Candidate> nearest, best;
  std::vector<std::string> matches, classes;
  for (const PluginRegistry::Plugin& plugin : PluginRegistry::instance().plugins()) {
    for (const ModelDescriptor& model : plugin.models) {
      classes.push_back(model.class_name);
      if (class_name && *class_name != model.class_name) continue;
      if (!model.config_json) {
        if (class_name)
          throw InputError(where + ": does not describe all of a " + model.class_name +
                           "; --hf-reference DIR names a folder with its config.json");
        continue;
      }
      Candidate candidate = attempt(model, megatron, where);
      if (candidate.problems.empty()) {
        matches.push_back(model.class_name);
        if (!best || model.preference > best->model->preference) best = candidate;
      }
      if (!nearest || candidate.nearer_than(*nearest)) nearest = std::move(candidate);
    }
  }
  if (!nearest && class_name)
    throw UsageError(where + ": no plugin for the class " + *class_name + "; did you mean " +
                     nearest_name(*class_name, classes) + "?");
  if (!nearest) throw InputError(where + ": no plugin for any model");
  if (!best) {
    std::string problems;
    for (const std::string& one : nearest->problems) problems += (problems.empty() ? "" : ", ") + one;
    throw InputError(where + ": no registered model class builds this function; nearest is " +
                     nearest->model->class_name + ", which differs in " + problems +
                     "; --hf-reference DIR names the model");
  }
  std::erase(matches, best->model->class_name);
  return {best->model, std::move(best->config), std::move(matches)};
}

}  // namespace mhub
