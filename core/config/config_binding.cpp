// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/config_binding.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/config/fields.hpp"

namespace mhub {
namespace {

bool may_lack_factor(const RopeScaling& rope) {
  return rope.type == RopeKind::longrope || rope.type == RopeKind::proportional;
}

}  // namespace

void bind_rope_scaling(FieldBinding& fields, RopeScaling& rope, const ConfigReader& config,
                       const std::string& yarn) {
  if (fields.reading()) {
    std::string type = fields.reader().string("rope_type", fields.reader().string("type", "default"));
    if (type == "su") type = "longrope";  // Phi-3's first releases
    if (type == yarn) type = name_of(RopeKind::yarn);
    const std::optional<RopeKind> known = find_named<RopeKind>(type);
    if (!known) fields.reader().fail("rope_type", "unsupported: \"" + type + "\"");
    rope.type = *known;
    if (rope.type == RopeKind::none) return;
    // The length trained with is a field of the scaling, else of the config, else the present one.
    rope.original_max_position_embeddings =
        config.integer("original_max_position_embeddings", config.integer("max_position_embeddings", 8192));
    if (!may_lack_factor(rope)) fields.reader().number("factor");  // must be there
  } else {
    fields.constant("rope_type", rope.type == RopeKind::yarn ? yarn : name_of(rope.type));
  }
  if (!may_lack_factor(rope) || rope.factor != 1.0 || fields.reading()) fields.number("factor", rope.factor);
  TransformerConfig model;
  model.rope_scaling = rope;
  bind_part(fields, model, "rope_scaling");
  rope = model.rope_scaling;
}

void ConfigBinding::positive(const std::string& key, std::int64_t& value, std::int64_t& field) {
  positive(key, value);
  // Reading the config.json made of it would refuse it as well; `bind` may divide by it before.
  if (from_megatron() && (field < 1 || field > ConfigReader::kLargestSize))
    throw InputError(key + ": expected " + ConfigReader::kSizeText + ", Megatron's model has " +
                     std::to_string(field));
  link(value, field);
}

namespace {

/// transformers 5.24 calls some kinds of layers by names that its models share, and reads the older ones
/// (configuration_utils.py, _LEGACY_LAYER_TYPE_REMAP), which are what is written: older releases read no
/// others.
std::string_view shared_name(std::string_view type) {
  if (type == "mamba") return "linear_attention";
  if (type == "attention") return "full_attention";
  if (type == "deepseek_sparse_attention") return "indexed_attention";
  return type;
}

}  // namespace

void ConfigBinding::per_layer(const std::string& key, const std::vector<std::string>& names,
                              std::vector<std::int64_t>& value) {
  if (reading() && reader().has(key)) {
    value.clear();
    for (const std::string& one : reader().strings(key)) {
      const auto at = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
        return shared_name(name) == shared_name(one);
      });
      if (at == names.end()) reader().fail(key, "unsupported: \"" + one + "\"");
      value.push_back(at - names.begin());
    }
  }
  if (!writing() || value.empty()) return;
  nlohmann::json list = nlohmann::json::array();
  for (const std::int64_t one : value) list.push_back(names.at(static_cast<std::size_t>(one)));
  constant(key, std::move(list));
}

void ConfigBinding::object(const std::string& key, nlohmann::json& value) {
  if (reading()) value = reader().object(key).json();
  constant(key, value);
}

void ConfigBinding::absent_means(const std::string& key, const nlohmann::json& value) {
  if (!reading() || reader().has(key)) return;
  nlohmann::json json = reader().json();
  json[key] = value;
  reader_ = ConfigReader(std::move(json), reader().file());
}

void ConfigBinding::also_called(const std::string& key, const std::string& other) {
  if (reading() && reader().has(other)) absent_means(key, reader().json()[other]);
}

void ConfigBinding::require(const std::string& key, const nlohmann::json& only_value) {
  if (reading()) reader().require(key, only_value);
  constant(key, only_value);
}

void ConfigBinding::check(bool good, const std::string& key, const std::string& problem) const {
  if (reading() && !good) reader().fail(key, problem);
}

void ConfigBinding::divides(const std::string& key, std::int64_t parts, const std::string& whole_key,
                            std::int64_t whole) const {
  check(parts > 0 && whole % parts == 0, key,
        "expected a divisor of " + whole_key + "=" + std::to_string(whole) + ", found " +
            std::to_string(parts));
}

namespace {

bool has_kinds(const ConfigReader& parameters) {
  return parameters.has("full_attention") || parameters.has("sliding_attention");
}

/// What states the positions of all layers, or of those without a window. transformers 5 reads either key for
/// the other, with the base in it; of both it takes `rope_scaling`, which 4 reads alone, or merges it into
/// one kind of layer (convert_rope_params_to_dict).
ConfigReader stated_rotary(const ConfigReader& config) {
  const ConfigReader newer = config.object("rope_parameters"), older = config.object("rope_scaling");
  if (!config.has("rope_parameters")) return older;
  if (!older.json().empty() && older.json() != newer.json())
    config.fail("rope_scaling", "unsupported: beside rope_parameters that say something else");
  return has_kinds(newer) ? newer.object("full_attention") : newer;
}

/// Positions of the layers with a window, where `rope_parameters` has an object for each kind of layer, or
/// `rope_local_base_freq` stands beside it; those of the others are in `value`.
void read_window_rotary(const ConfigReader& config, RotaryConfig& value, const RotaryKeys& keys) {
  const ConfigReader kinds = config.object("rope_parameters");
  const bool per_kind = has_kinds(kinds);
  const ConfigReader local = kinds.object("sliding_attention");
  if (per_kind && !kinds.has("full_attention"))
    config.fail("rope_parameters", "unsupported: sliding_attention without full_attention");
  for (const auto& [kind, parameters] : kinds.json().items()) {
    if (per_kind && kind != "full_attention" && kind != "sliding_attention")
      kinds.fail(kind, "unsupported: positions of such layers");
  }
  const double base =
      value.local_theta ? config.number("rope_local_base_freq", *value.local_theta) : value.theta;
  const double theta = local.number("rope_theta", base);
  const bool scaled = local.string("rope_type", local.string("type", "default")) != "default";
  if (local.number("partial_rotary_factor", value.partial_factor) != value.partial_factor)
    config.fail("rope_parameters", "unsupported: sliding_attention with a share of heads of its own");
  if (value.local_theta) {
    value.local_theta = theta;
    if (scaled) config.fail("rope_parameters", "unsupported: sliding_attention with a scaling of its own");
  } else if (per_kind) {
    const bool same = local.json() == kinds.object("full_attention").json();
    if (keys.scaled_windows ? !same : scaled || theta != value.theta)
      config.fail("rope_parameters",
                  keys.scaled_windows
                      ? "unsupported: other positions in layers with a window"
                      : "unsupported: a base or a scaling of its own in layers with a window");
  }
}

/// Positions of both kinds of layers, an object each.
void write_kinds(FieldBinding& kinds, RotaryConfig& value, const ConfigReader& config,
                 const RotaryKeys& keys) {
  kinds.nested("full_attention", [&](FieldBinding& full) {
    full.constant(keys.theta, value.theta);
    if (!keys.partial_factor.empty()) full.constant("partial_rotary_factor", value.partial_factor);
    if (value.scaling.type == RopeKind::none) return full.constant("rope_type", name_of(RopeKind::none));
    bind_rope_scaling(full, value.scaling, config, keys.yarn);
  });
  kinds.nested("sliding_attention", [&](FieldBinding& local) {
    local.constant(keys.theta, value.local_theta.value_or(value.theta));
    if (!keys.partial_factor.empty()) local.constant("partial_rotary_factor", value.partial_factor);
    local.constant("rope_type", name_of(RopeKind::none));
  });
}

}  // namespace

void ConfigBinding::rotary(RotaryConfig& value, const RotaryKeys& keys) {
  const std::string partial = keys.partial_factor.empty() ? "partial_rotary_factor" : keys.partial_factor;
  if (reading()) {
    const ConfigReader& config = reader();
    const ConfigReader parameters = stated_rotary(config);
    FieldBinding scaling(parameters);
    value.theta = parameters.number("rope_theta", config.number(keys.theta, value.theta));
    const double share =
        parameters.number("partial_rotary_factor", config.number(partial, value.partial_factor));
    bind_rope_scaling(scaling, value.scaling, config, keys.yarn);
    // There it says how much of what rotates turns.
    if (value.scaling.type != RopeKind::proportional) value.partial_factor = share;
    if (scaling.reader().has(keys.temperature_scale))
      scaling.optional(keys.temperature_scale, value.temperature_scale);
    read_window_rotary(config, value, keys);
  } else if (writing() && keys.per_kind) {
    nested("rope_parameters", [&](FieldBinding& kinds) { write_kinds(kinds, value, reader(), keys); });
  } else if (writing()) {
    constant(keys.theta, value.theta);
    if (value.local_theta) constant("rope_local_base_freq", *value.local_theta);
    if (value.partial_factor != 1.0 || !keys.partial_factor.empty()) constant(partial, value.partial_factor);
    if (value.scaling.type == RopeKind::none) return;
    nested("rope_scaling", [&](FieldBinding& scaling) {
      bind_rope_scaling(scaling, value.scaling, reader(), keys.yarn);
      if (value.temperature_scale) scaling.optional(keys.temperature_scale, value.temperature_scale);
    });
  }
  link(value.theta, megatron.rotary_base);
  link(value.partial_factor, megatron.rotary_percent);
  link(value.scaling, megatron.rope_scaling);
  if (value.local_theta) {
    fixed(megatron.rotary_base_local, value.local_theta);
    if (from_megatron() && megatron.rotary_base_local) value.local_theta = megatron.rotary_base_local;
  }
}

ConfigReader::ConfigReader(nlohmann::json json, std::string file)
    : JsonObject(std::make_shared<const nlohmann::json>(std::move(json)), std::move(file)) {}

void ConfigReader::bound(const std::string& key, std::int64_t value) const {
  if (value < -kLargestSize || value > kLargestSize)
    fail(key, "expected an integer of at most 2^28, found " + std::to_string(value));
}

std::int64_t ConfigReader::integer(const std::string& key, std::optional<std::int64_t> fallback) const {
  const std::int64_t value = JsonObject::integer(key, fallback);
  bound(key, value);
  return value;
}

std::vector<std::int64_t> ConfigReader::integers(const std::string& key) const {
  std::vector<std::int64_t> values = JsonObject::integers(key);
  for (const std::int64_t value : values) bound(key, value);
  return values;
}

std::int64_t ConfigReader::positive(const std::string& key, std::optional<std::int64_t> fallback) const {
  const std::int64_t value = integer(key, fallback);
  if (value < 1) fail(key, std::string("expected ") + kSizeText + ", found " + std::to_string(value));
  return value;
}

ConfigReader ConfigReader::object(const std::string& key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return {nlohmann::json::object(), file()};
  if (!value->is_object()) wrong(key, "an object");
  return ConfigReader(JsonObject(share(*value), file() + ": " + key));
}

void ConfigReader::require(const std::string& key, const nlohmann::json& only_value) const {
  const nlohmann::json* value = find(key);
  if (value != nullptr && *value != only_value)
    fail("unsupported: " + key + "=" + shown(*value) + " (only " + shown(only_value) + " is)");
}

}  // namespace mhub
