// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/config_binding.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/config/fields.hpp"

namespace mhub {

void bind_rope_scaling(FieldBinding& fields, RopeScaling& rope, const ConfigReader& config) {
  if (fields.reading()) {
    std::string type = fields.reader().string("rope_type", fields.reader().string("type", "default"));
    if (type == "su") type = "longrope";  // Phi-3's first releases
    const std::optional<RopeKind> known = find_named<RopeKind>(type);
    if (!known) fields.reader().fail("rope_type", "unsupported: \"" + type + "\"");
    rope.type = *known;
    if (rope.type == RopeKind::none) return;
    // The length trained with is a field of the scaling, else of the config, else the present one.
    rope.original_max_position_embeddings =
        config.integer("original_max_position_embeddings", config.integer("max_position_embeddings", 8192));
    if (rope.type != RopeKind::longrope) fields.reader().number("factor");  // must be there
  } else {
    fields.constant("rope_type", name_of(rope.type));
  }
  if (rope.type != RopeKind::longrope || rope.factor != 1.0 || fields.reading())
    fields.number("factor", rope.factor);
  TransformerConfig model;
  model.rope_scaling = rope;
  bind_part(fields, model, "rope_scaling");
  rope = model.rope_scaling;
}

void ConfigBinding::positive(const std::string& key, std::int64_t& value, std::int64_t& field) {
  positive(key, value);
  // Reading the config.json made of it would refuse it as well; `bind` may divide by it before.
  if (from_megatron() && (field < 1 || field > ConfigReader::kLargestSize))
    throw InputError(key + ": expected 1 .. 2^28, Megatron's model has " + std::to_string(field));
  link(value, field);
}
void ConfigBinding::number(const std::string& key, double& value, double& field) {
  number(key, value);
  link(value, field);
}
void ConfigBinding::boolean(const std::string& key, bool& value, bool& field) {
  boolean(key, value);
  link(value, field);
}
void ConfigBinding::optional(const std::string& key, std::optional<std::int64_t>& value,
                             std::optional<std::int64_t>& field) {
  optional(key, value);
  link(value, field);
}
void ConfigBinding::optional(const std::string& key, std::optional<double>& value,
                             std::optional<double>& field) {
  optional(key, value);
  link(value, field);
}

void ConfigBinding::positive(const std::string& key, std::int64_t& value) {
  if (direction_ <= Direction::to_json) fields_.positive(key, value);
}
void ConfigBinding::integer(const std::string& key, std::int64_t& value) {
  if (direction_ <= Direction::to_json) fields_.integer(key, value);
}
void ConfigBinding::number(const std::string& key, double& value) {
  if (direction_ <= Direction::to_json) fields_.number(key, value);
}
void ConfigBinding::boolean(const std::string& key, bool& value) {
  if (direction_ <= Direction::to_json) fields_.boolean(key, value);
}
void ConfigBinding::text(const std::string& key, std::string& value) {
  if (direction_ <= Direction::to_json) fields_.text(key, value);
}
void ConfigBinding::integers(const std::string& key, std::vector<std::int64_t>& value) {
  if (direction_ <= Direction::to_json) fields_.integers(key, value);
}
void ConfigBinding::optional(const std::string& key, std::optional<std::int64_t>& value) {
  if (direction_ > Direction::to_json) return;
  // An explicit null is a value of its own here: "no window", where the default may be one.
  if (reading() && reader().json().contains(key) && !reader().has(key)) value.reset();
  fields_.optional(key, value);
}
void ConfigBinding::optional(const std::string& key, std::optional<double>& value) {
  if (direction_ > Direction::to_json) return;
  if (reading() && reader().json().contains(key) && !reader().has(key)) value.reset();
  fields_.optional(key, value);
}

void ConfigBinding::per_layer(const std::string& key, const std::vector<std::string>& names,
                              std::vector<std::int64_t>& value) {
  if (reading() && reader().has(key)) {
    value.clear();
    for (const std::string& one : reader().strings(key)) {
      const auto at = std::find(names.begin(), names.end(), one);
      if (at == names.end()) reader().fail(key, "unsupported: \"" + one + "\"");
      value.push_back(at - names.begin());
    }
  }
  if (direction_ != Direction::to_json || value.empty()) return;
  nlohmann::json list = nlohmann::json::array();
  for (const std::int64_t one : value) list.push_back(names.at(static_cast<std::size_t>(one)));
  fields_.constant(key, std::move(list));
}

void ConfigBinding::object(const std::string& key, nlohmann::json& value) {
  if (reading()) value = reader().object(key).json();
  if (direction_ == Direction::to_json) fields_.constant(key, value);
}

void ConfigBinding::absent_means(const std::string& key, const nlohmann::json& value) {
  if (!reading() || reader().has(key)) return;
  nlohmann::json json = reader().json();
  json[key] = value;
  fields_ = FieldBinding(ConfigReader(std::move(json), reader().file()));
}

void ConfigBinding::also_called(const std::string& key, const std::string& other) {
  if (reading() && reader().has(other)) absent_means(key, reader().json()[other]);
}

void ConfigBinding::layer_types(const std::string& key, std::int64_t num_layers,
                                std::vector<std::int64_t>& sliding) {
  per_layer(key, {"full_attention", "sliding_attention"}, sliding);
  if (!reading() || !reader().has(key)) return;
  check(static_cast<std::int64_t>(sliding.size()) == num_layers, key,
        "expected " + std::to_string(num_layers) + " entries, one a layer, found " +
            std::to_string(sliding.size()));
}

void ConfigBinding::require(const std::string& key, const nlohmann::json& only_value) {
  if (reading()) reader().require(key, only_value);
  if (direction_ == Direction::to_json) fields_.constant(key, only_value);
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

void ConfigBinding::rotary(RotaryConfig& value, const RotaryKeys& keys) {
  const std::string partial = keys.partial_factor.empty() ? "partial_rotary_factor" : keys.partial_factor;
  if (reading()) {
    const ConfigReader& config = reader();
    const bool per_kind = config.object("rope_parameters").has("full_attention");
    const ConfigReader parameters = per_kind ? config.object("rope_parameters").object("full_attention")
                                             : config.object("rope_parameters");
    FieldBinding scaling(config.has("rope_parameters") ? parameters : config.object("rope_scaling"));
    value.theta = parameters.number("rope_theta", config.number(keys.theta, value.theta));
    value.partial_factor =
        parameters.number("partial_rotary_factor", config.number(partial, value.partial_factor));
    bind_rope_scaling(scaling, value.scaling, config);
    if (!keys.temperature_scale.empty()) scaling.optional(keys.temperature_scale, value.temperature_scale);
    if (value.local_theta) {
      const ConfigReader local = config.object("rope_parameters").object("sliding_attention");
      value.local_theta =
          local.number("rope_theta", config.number("rope_local_base_freq", *value.local_theta));
      check(local.string("rope_type", "default") == "default", "rope_parameters",
            "unsupported: sliding_attention with a scaling of its own");
    } else {
      check(!per_kind, "rope_parameters", "unsupported: one object for each kind of layer");
    }
  } else if (direction_ == Direction::to_json) {
    fields_.constant(keys.theta, value.theta);
    if (value.local_theta) fields_.constant("rope_local_base_freq", *value.local_theta);
    if (value.partial_factor != 1.0 || !keys.partial_factor.empty())
      fields_.constant(partial, value.partial_factor);
    if (value.scaling.type != RopeKind::none) {
      FieldBinding scaling;
      bind_rope_scaling(scaling, value.scaling, fields_.reader());
      if (value.temperature_scale) scaling.optional(keys.temperature_scale, value.temperature_scale);
      fields_.constant("rope_scaling", scaling.written());
    }
  }
  link(value.theta, megatron.rotary_base);
  link(value.partial_factor, megatron.rotary_percent);
  link(value.scaling, megatron.rope_scaling);
  if (value.local_theta) {
    fixed(megatron.rotary_base_local, value.local_theta);
    if (from_megatron() && megatron.rotary_base_local) value.local_theta = megatron.rotary_base_local;
  }
}

}  // namespace mhub
