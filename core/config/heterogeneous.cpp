// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/heterogeneous.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "mhub/base/config_error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/config/fields.hpp"

namespace mhub {
namespace {

using C = TransformerConfig;
using Json = nlohmann::json;

constexpr const char *kEncoded = "heterogeneous_layers_config_encoded_json",
                     *kPath = "heterogeneous_layers_config_path", *kBlocks = "block_configs";
constexpr std::int64_t kMultiple = 256;  // MLPConfig.ffn_mult_to_intermediate_size

/// A part of a block, which must be there.
ConfigReader part_of(const ConfigReader& block, const char* name) {
  if (!block.has(name)) block.fail(name, "missing");
  return block.object(name);
}

/// What a block is that has no size.
std::optional<std::int64_t> without_size(const ConfigReader& part) {
  if (part.boolean("no_op", false)) return kNoBlock;
  if (part.boolean("replace_with_linear", false)) return kLinearBlock;
  return std::nullopt;
}

std::int64_t query_groups(const ConfigReader& part, const C& c) {
  if (const auto none = without_size(part)) return *none;
  const bool counted = part.has("num_query_groups");
  const char* key = counted ? "num_query_groups" : "n_heads_in_group";
  if (!part.has(key) && c.num_query_groups > 0) return c.num_query_groups;
  const std::int64_t stated = part.positive(key);
  if (c.num_attention_heads % stated != 0)
    part.fail(key, "expected a divisor of " + std::to_string(c.num_attention_heads) +
                       " (num_attention_heads), found " + std::to_string(stated));
  return counted ? stated : c.num_attention_heads / stated;
}

std::int64_t ffn_size(const ConfigReader& part, const C& c) {
  if (const auto none = without_size(part)) return *none;
  if (part.has("ffn_hidden_size")) return part.positive("ffn_hidden_size");
  if (!part.has("ffn_mult") && c.ffn_hidden_size > 0) return c.ffn_hidden_size;
  const double size = std::trunc(2 * part.number("ffn_mult") * static_cast<double>(c.hidden_size) / 3);
  if (!(size >= 1 && size <= static_cast<double>(ConfigReader::kLargestSize) - kMultiple))
    part.fail("ffn_mult", std::string("expected a multiple of hidden_size that gives ") +
                              ConfigReader::kSizeText + ", found " + json_text(part.json().at("ffn_mult")));
  const auto whole = static_cast<std::int64_t>(size);
  return (whole + kMultiple - 1) / kMultiple * kMultiple;
}

/// What stands for a block beside its size.
void add_kind(Json& part, std::int64_t size) {
  part["no_op"] = size == kNoBlock;
  part["replace_with_linear"] = size == kLinearBlock;
}

bool has_one_number_of_groups(const std::vector<std::int64_t>& groups) {
  std::set<std::int64_t> sizes(groups.begin(), groups.end());
  sizes.erase(kNoBlock);
  sizes.erase(kLinearBlock);
  return sizes.size() < 2;
}

/// config.json as far as Megatron-LM compares its own arguments with it (arguments.py,
/// validate_model_config_args_from_heterogeneous_config).
Json encoded(const C& c) {
  return {{"hidden_act", name_of(c.activation)},
          {"num_hidden_layers", c.num_layers},
          {"hidden_size", c.hidden_size},
          {"num_attention_heads", c.num_attention_heads},
          {"tie_word_embeddings", c.share_embeddings_and_output_weights},
          {"rope_theta", c.rotary_base},
          {"rope_scaling", {{"rope_type", name_of(c.rope_scaling.type)}, {"factor", c.rope_scaling.factor}}},
          {kBlocks, block_configs(c)}};
}

}  // namespace

HeterogeneousConfig read_block_configs(const ConfigReader& json, const C& c) {
  if (!json.has(kBlocks)) json.fail(kBlocks, "missing");
  const Json& list = json.json().at(kBlocks);
  if (!list.is_array()) json.fail(kBlocks, "expected a list, found " + json_text(list));
  HeterogeneousConfig sizes;
  for (std::size_t k = 0; k < list.size(); ++k) {
    const ConfigReader block(list[k], json.file() + ": " + kBlocks + "[" + std::to_string(k) + "]");
    sizes.num_query_groups.push_back(query_groups(part_of(block, "attention"), c));
    sizes.ffn_hidden_size.push_back(
        ffn_size(part_of(block, block.has("ffn") || !block.has("mlp") ? "ffn" : "mlp"), c));
  }
  return sizes;
}

Json block_configs(const C& c) {
  const HeterogeneousConfig& sizes = *c.heterogeneous;
  Json blocks = Json::array();
  for (std::size_t k = 0; k < std::min(sizes.num_query_groups.size(), sizes.ffn_hidden_size.size()); ++k) {
    const std::int64_t groups = sizes.num_query_groups[k], ffn = sizes.ffn_hidden_size[k];
    Json attention{{"n_heads_in_group", groups > 0 ? Json(c.num_attention_heads / groups) : Json()}};
    add_kind(attention, groups);
    Json mlp{{"ffn_mult", nullptr}};
    if (ffn > 0) {
      // Megatron-Core looks at the multiple where there is no size.
      mlp["ffn_hidden_size"] = ffn;
      mlp["ffn_mult"] = 1.5 * static_cast<double>(ffn) / static_cast<double>(c.hidden_size);
    }
    add_kind(mlp, ffn);
    blocks.push_back({{"attention", std::move(attention)}, {"ffn", std::move(mlp)}});
  }
  return blocks;
}

bool has_window(const C& config, std::int64_t layer) {
  if (!config.sliding_window) return false;
  return config.window_layers.empty() || config.window_layers.at(static_cast<std::size_t>(layer)) != 0;
}

C with_attention_of(const C& config, bool window) {
  C one = config;
  one.full_attention.reset();
  if (window || !config.full_attention) return one;
  one.num_query_groups = config.full_attention->num_query_groups;
  one.kv_channels = config.full_attention->kv_channels;
  one.key_is_value = config.full_attention->key_is_value;
  one.softmax_type = config.full_attention->softmax_type;
  return one;
}

std::int64_t layer_with_keys_of(const C& config, std::int64_t layer) {
  const std::int64_t own = config.num_layers - (config.shared_keys ? config.shared_keys->num_layers : 0);
  if (layer < own) return layer;
  for (std::int64_t other = own; other-- > 0;) {
    if (has_window(config, other) == has_window(config, layer)) return other;
  }
  throw ConfigError("layer " + std::to_string(layer) + " shares keys, and none of the first " +
                    std::to_string(own) + " layers has a window as it has, or none as it");
}

C layer_config(const C& config, std::int64_t layer) {
  C one = with_attention_of(config, has_window(config, layer));
  one.shared_keys.reset();
  if (config.shared_keys && config.shared_keys->wide_mlp && layer_with_keys_of(config, layer) != layer)
    one.ffn_hidden_size *= 2;
  one.heterogeneous.reset();
  if (!config.heterogeneous) return one;
  const auto at = static_cast<std::size_t>(layer);
  const std::int64_t groups = config.heterogeneous->num_query_groups.at(at),
                     ffn = config.heterogeneous->ffn_hidden_size.at(at);
  if (groups > 0) one.num_query_groups = groups;
  if (ffn > 0) one.ffn_hidden_size = ffn;
  return one;
}

bool has_layers_alike(const C& c) { return !c.heterogeneous; }

void bind_heterogeneous(FieldBinding& f, C& c, Dialect dialect) {
  // The path says that the model is such a one, and is read only where the text is not there; one with
  // experts or latent attention is built otherwise (argument_utils.py, core_transformer_config_from_args;
  // heterogeneous_config.py; models/gpt.py, transformer_layer_spec).
  if (f.reading() && !c.moe && !c.mla && f.reader().string("hybrid_layer_pattern", "").empty() &&
      (dialect != Dialect::args || f.reader().has(kPath)) && !f.reader().string(kEncoded, "").empty())
    c.heterogeneous.emplace();
  if (c.heterogeneous && dialect == Dialect::args) f.constant(kPath, "config.json");
}

void bind_layer_sizes(FieldBinding& f, C& c, Dialect) {
  if (!f.reading()) return f.constant(kEncoded, json_text(encoded(c)));
  const std::string where = f.reader().file() + ": " + kEncoded;
  c.heterogeneous =
      read_block_configs(ConfigReader(parse_config(f.reader().string(kEncoded), where), where), c);
}

void add_layer_size_limits(Lines& limits, const C& c) {
  const std::string asserted =
      ": Megatron-LM refuses them (arguments.py, validate_model_config_args_from_heterogeneous_config), "
      "Megatron-Bridge does not";
  if (!has_one_number_of_groups(c.heterogeneous->num_query_groups))
    limits.push_back("numbers of query groups that differ from layer to layer" + asserted);
  if (c.rope_scaling.type != RopeKind::llama3)
    limits.push_back("layers of several sizes without llama3 rope scaling" + asserted);
  if (c.num_query_groups == c.num_attention_heads)
    limits.push_back("layers of several sizes with a query group for each head" + asserted);
}

}  // namespace mhub
