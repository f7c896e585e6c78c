// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/megatron/own_words.hpp"

#include <set>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/formats/hf/hf_state.hpp"
#include "mhub/megatron/hybrid.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/plugin/registry.hpp"

namespace mhub {
namespace {

using Json = nlohmann::json;

constexpr const char* kPositions = "position_embedding_type";

/// Makes a config.json of one class say something else.
class Rewriter {
 public:
  Rewriter(const ModelDescriptor& model, const ConfigReader& config) : model_(model), config_(config) {
    if (!model.config_json)
      throw InputError("the config.json of a " + model.class_name +
                       " says more than Megatron's model, and is " +
                       "not rewritten; --hf-reference DIR names the right one, with its weights");
  }

  /// The config, which builds `present`, for `wanted`. Throws InputError where the class cannot say that.
  Json rewritten(const TransformerConfig& present, const TransformerConfig& wanted) const {
    const Json before = model_.config_json(present), after = model_.config_json(wanted);
    Json config = config_.json();
    for (const auto& [key, value] : before.items()) {
      if (!after.contains(key)) config.erase(key);
    }
    for (const auto& [key, value] : after.items()) {
      if (!before.contains(key) || before[key] != value) config[key] = value;
    }
    if (differences(config, wanted).empty()) return config;
    config.update(after);
    erase_other_spellings(config, after, wanted);
    if (const Lines left = differences(config, wanted); !left.empty())
      throw InputError("a " + model_.class_name + " cannot say " + left.front());
    return config;
  }

 private:
  Lines differences(const Json& config, const TransformerConfig& model) const {
    try {
      return differing_fields(model, megatron_config(model_, ConfigReader(config, config_.file())));
    } catch (const InputError& error) {
      return {error.what()};
    }
  }

  /// Keys that the class reads and does not write, where they contradict what it writes: rope_parameters
  /// beside rope_theta.
  void erase_other_spellings(Json& config, const Json& written, const TransformerConfig& wanted) const {
    for (const auto& [key, value] : config_.json().items()) {
      if (written.contains(key)) continue;
      Json without = config;
      without.erase(key);
      if (differences(without, wanted).size() < differences(config, wanted).size())
        config = std::move(without);
    }
  }

  const ModelDescriptor& model_;
  const ConfigReader& config_;
};

Json rewritten(const Checkpoint& checkpoint, const TransformerConfig& present,
               const TransformerConfig& wanted) {
  const ModelDescriptor& model = *checkpoint.model;
  if (model.whole_config) return model.whole_config(checkpoint.config->json(), wanted);
  return Rewriter(model, *checkpoint.config).rewritten(present, wanted);
}

std::string listed(const Lines& lines) {
  std::string text;
  for (const std::string& one : lines) text += one + "; ";
  return text;
}

/// Names of the fields and parts in which the two differ.
std::string names_of_differences(const TransformerConfig& a, const TransformerConfig& b) {
  std::string names;
  std::set<std::string> seen;
  for (const std::string& one : differing_fields(a, b)) {
    const std::string name = one.substr(0, one.find_first_of(". "));
    if (seen.insert(name).second) names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

/// A GPTModel as the HybridModel whose pattern some words have.
TransformerConfig as_pattern_says(const TransformerConfig& model, const ConfigReader& words) {
  const std::string pattern = words.string("hybrid_layer_pattern", "");
  return pattern.empty() || !model.hybrid_layer_pattern.empty() ? model : hybrid_config(model, pattern);
}

}  // namespace

OwnWords::OwnWords(Dialect dialect, Json fields, std::string where)
    : dialect_(dialect), fields_(std::move(fields)), where_(std::move(where)) {}

std::optional<OwnWords> OwnWords::of(const MegatronFacts& facts, const std::string& directory) {
  if (!facts.args.empty()) return OwnWords(Dialect::args, facts.args, directory + ": args");
  return of_run_config(facts);
}

std::optional<OwnWords> OwnWords::of_run_config(const MegatronFacts& facts) {
  constexpr std::uint64_t kLargest = 4 << 20;
  if (facts.run_config.empty()) return std::nullopt;
  Json fields = run_config_fields(read_file(facts.run_config, kLargest), facts.run_config);
  // With several axes of positions the decoder of a whole rotates as with one, where there are texts alone.
  const std::string provider = ConfigReader(fields, facts.run_config).string("_target_", "");
  const ModelDescriptor* model = PluginRegistry::instance().find_bridge_provider(provider);
  if (model != nullptr && model->whole && fields.value(kPositions, Json()) == "mrope")
    fields[kPositions] = "rope";
  return OwnWords(Dialect::run_config, std::move(fields), facts.run_config);
}

TransformerConfig OwnWords::model() const { return gpt_config(read_description(fields_, dialect_, where_)); }

std::optional<OwnWords::Whole> OwnWords::whole() const {
  const ConfigReader words(fields_, where_);
  const PluginRegistry& registry = PluginRegistry::instance();
  if (dialect_ == Dialect::run_config) {
    const ModelDescriptor* model = registry.find_bridge_provider(words.string("_target_", ""));
    if (model == nullptr || !model->whole) return std::nullopt;
    return Whole{model, model->outer_config(words)};
  }
  if (!words.has(kWholeArgument)) return std::nullopt;
  const ConfigReader whole = words.object(kWholeArgument);
  const ModelDescriptor* model = registry.find_class(whole.string("class"));
  if (model == nullptr || !model->whole)
    whole.fail("class", "no plugin knows such a model: " + whole.string("class"));
  return Whole{model, whole.object("config").json()};
}

/// How many tokens there are, where the other place says `known`. mhub and Bridge record the count itself;
/// Megatron-LM the rows with its padding (tokenizer/utils/build_tokenizer.py, vocab_size_with_padding) and,
/// if the tokenizer told it, those without.
std::int64_t OwnWords::vocabulary(std::int64_t stated, std::int64_t known, const std::string& place,
                                  Lines& notes) const {
  const ConfigReader args(fields_, where_);
  const bool of_images = known == 0;
  if (of_images) return known;
  if (dialect_ != Dialect::args || args.has("hf_vocab_size")) return stated;
  if (!args.has("padded_vocab_size")) return known;
  const std::int64_t rows = args.positive("padded_vocab_size"), own = args.integer("vocab_size", 0);
  const std::int64_t multiple = args.positive("make_vocab_size_divisible_by", kVocabDivisor) *
                                args.positive("tensor_model_parallel_size", 1);
  const std::string counts = where_ + ": " + std::to_string(rows) + " rows of the vocabulary, and " + place +
                             " has " + std::to_string(known) + ": ";
  if (rows <= known) return known;  // too few rows are refused where tensors are bound
  if (rows < known + multiple) {
    notes.push_back(counts + "the rest is padding to a multiple of " + std::to_string(multiple));
    return known;
  }
  const std::int64_t trained = own > known && own <= rows ? own : rows;
  notes.push_back(counts + "padding does not explain that, so " + std::to_string(trained) + " are kept");
  return trained;
}

std::optional<std::int64_t> OwnWords::rows() const {
  const ConfigReader fields(fields_, where_);
  if (dialect_ == Dialect::args) {
    // A model of images has none: 0.
    const bool none = fields.integer("padded_vocab_size", 0) == 0;
    return none ? std::nullopt : std::optional(fields.positive("padded_vocab_size"));
  }
  if (!fields.has("vocab_size")) return std::nullopt;
  const std::int64_t tokens = fields.positive("vocab_size");
  if (!fields.boolean("should_pad_vocab", false)) return tokens;
  return padded_vocabulary(tokens, fields.positive("make_vocab_size_divisible_by", kVocabDivisor),
                           static_cast<int>(fields.positive("tensor_model_parallel_size", 1)));
}

Lines OwnWords::contradictions(const OwnWords& other) const {
  Lines lines;
  try {
    // Key by key: the class that a run_config.yaml names for its model, of which args say nothing, implies
    // more than its keys do.
    const ConfigReader words(other.fields_, other.where_);
    TransformerConfig same = as_pattern_says(model(), words);
    same.bridge_provider = words.string("_target_", same.bridge_provider);
    const Json own = description_of(same, other.dialect_);
    for (const auto& [key, value] : own.items()) {
      if (other.fields_.contains(key) && other.fields_[key] != value)
        lines.push_back(other.where_ + ": " + key + " is " + json_text(other.fields_[key]) + ", and " +
                        where_ + ", which count, stand for " + json_text(value));
    }
  } catch (const InputError& error) {
    lines.push_back(std::string(error.what()) + "; " + where_ + " counts");
  }
  return lines;
}

/// What the same description would say of the other place's model. One of a HybridModel is compared as such.
TransformerConfig OwnWords::restated(TransformerConfig present) const {
  present = as_pattern_says(present, ConfigReader(fields_, where_));
  return gpt_config(as_described(present, dialect_, fields_));
}

void OwnWords::correct(Checkpoint& checkpoint, const std::string& place) const {
  const TransformerConfig present = megatron_config(*checkpoint.model, *checkpoint.config);
  TransformerConfig wanted = present, stated;
  Lines adopted;
  try {
    stated = model();
  } catch (const InputError& error) {
    throw InputError(std::string(error.what()) + "; so it cannot be told whether " + place +
                     " has the model that was trained");
  }
  try {
    TransformerConfig expected = restated(present);
    expected.vocab_size = present.vocab_size;
    stated.vocab_size = vocabulary(stated.vocab_size, present.vocab_size, place, checkpoint.notes);
    // How long a training's sequences are is no property of a model that rotates, unless they are longer.
    if (stated.position_embedding_type == PositionEmbedding::rope)
      stated.max_position_embeddings =
          std::max(stated.max_position_embeddings, expected.max_position_embeddings);
    adopted = adopt_fields(wanted, stated, expected);
    if (!differing_fields(present, wanted).empty())
      checkpoint.config = ConfigReader(rewritten(checkpoint, present, wanted), checkpoint.config->file());
  } catch (const InputError& error) {
    throw InputError(where_ + " and " + place + " contradict each other: " + listed(adopted) + error.what());
  }
  for (const std::string& one : adopted)
    checkpoint.notes.push_back(where_ + ": " + one + " as in " + place + "; the checkpoint counts");
  if (const std::string names = names_of_differences(stated, wanted); !names.empty())
    checkpoint.notes.push_back(where_ + " does not say all; from " + place + ": " + names);
}

}  // namespace mhub
