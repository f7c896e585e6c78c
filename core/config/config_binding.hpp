// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "mhub/config/field_binding.hpp"
#include "mhub/config/transformer_config.hpp"

namespace mhub {

/// Rotary positions in a typed config.
struct RotaryConfig {
  double theta = 10000.0;
  double partial_factor = 1.0;  ///< share of each head that rotates
  RopeScaling scaling;
  /// Base of the layers with a window, which do not scale. Absent: they are as the others.
  std::optional<double> local_theta = std::nullopt;
  /// AttentionTemperature::scale, where the scaling's fields state it; the class links it to Megatron's.
  std::optional<double> temperature_scale = std::nullopt;
};

/// What a config.json in the form of transformers 4 calls the base and the share that rotates.
struct RotaryKeys {
  std::string theta = "rope_theta";
  std::string partial_factor;          ///< empty: "partial_rotary_factor", and written only where it is not 1
  std::string temperature_scale = {};  ///< beside the scaling's fields; empty: the architecture has none
};

/// One declaration of a Hugging Face config that serves four directions: config.json -> typed config ->
/// Megatron's TransformerConfig, and back. A plugin's `Config::bind(ConfigBinding&)` calls a function per
/// field with its JSON key, the typed member (its initialiser is transformers' default) and, where Megatron
/// has the same thing, the TransformerConfig field. What does not round-trip (a TransformerConfig that the
/// architecture cannot express) is found by comparing after a round trip, so `bind` needs no checks for it.
class ConfigBinding {
 public:
  enum class Direction { from_json, to_json, to_megatron, from_megatron };

  /// config.json -> typed config.
  explicit ConfigBinding(const ConfigReader& json) : direction_(Direction::from_json), fields_(json) {}
  /// typed config -> config.json (written()).
  ConfigBinding() : direction_(Direction::to_json) {}
  /// typed config -> TransformerConfig (`megatron`, filled), or back (`megatron`, read).
  ConfigBinding(Direction direction, const TransformerConfig& start)
      : megatron(start), direction_(direction) {}

  /// The Megatron side of the two directions that have one; scratch in the others.
  TransformerConfig megatron;

  Direction direction() const { return direction_; }
  bool reading() const { return direction_ == Direction::from_json; }
  bool to_megatron() const { return direction_ == Direction::to_megatron; }
  bool from_megatron() const { return direction_ == Direction::from_megatron; }
  /// The config.json being read, empty in the other directions.
  const ConfigReader& reader() const { return fields_.reader(); }
  const nlohmann::json& written() const { return fields_.written(); }

  // JSON key <-> typed member <-> TransformerConfig field.
  /// A size, 1 .. ConfigReader::kLargestSize; another one is InputError from either side.
  void positive(const std::string& key, std::int64_t& value, std::int64_t& field);
  void number(const std::string& key, double& value, double& field);
  void boolean(const std::string& key, bool& value, bool& field);
  /// The typed member has one of the names of `field`'s enumeration (choices.hpp); another one is InputError.
  template <NamedChoice E>
  void text(const std::string& key, std::string& value, E& field) {
    text(key, value);
    const std::optional<E> known = find_named<E>(value);
    check(known.has_value(), key, "unsupported: \"" + value + "\"");
    if (to_megatron()) field = known.value();
    if (from_megatron()) value = name_of(field);
  }
  void optional(const std::string& key, std::optional<std::int64_t>& value,
                std::optional<std::int64_t>& field);
  void optional(const std::string& key, std::optional<double>& value, std::optional<double>& field);

  // JSON key <-> typed member, for what Megatron has in another form.
  void positive(const std::string& key, std::int64_t& value);
  void integer(const std::string& key, std::int64_t& value);
  void number(const std::string& key, double& value);
  void boolean(const std::string& key, bool& value);
  void text(const std::string& key, std::string& value);
  void integers(const std::string& key, std::vector<std::int64_t>& value);
  void optional(const std::string& key, std::optional<std::int64_t>& value);
  void optional(const std::string& key, std::optional<double>& value);
  /// One name a layer, "sliding_attention" as 1 and "full_attention" as 0. An empty list is not written.
  void layer_types(const std::string& key, std::int64_t num_layers, std::vector<std::int64_t>& sliding);

  /// One of `names` a layer (`layer_types`) <-> its number among them.
  void per_layer(const std::string& key, const std::vector<std::string>& names,
                 std::vector<std::int64_t>& value);
  /// An object of its own, taken as it is.
  void object(const std::string& key, nlohmann::json& value);
  /// What a missing `key` stands for, where that is no single value.
  void absent_means(const std::string& key, const nlohmann::json& value);
  /// What some versions of transformers call `key`: read where the config has no `key`, never written.
  void also_called(const std::string& key, const std::string& other);

  /// Typed member <-> TransformerConfig field, without a key of its own.
  template <typename T>
  void link(T& value, T& field) {
    if (to_megatron()) field = value;
    if (from_megatron()) value = field;
  }
  /// What the architecture always has.
  template <typename T>
  void fixed(T& field, const std::type_identity_t<T>& value) {
    if (to_megatron()) field = value;
  }
  /// The same by name, which must be one of the enumeration's (choices.hpp).
  template <NamedChoice E>
  void fixed(E& field, std::string_view name) {
    if (to_megatron()) field = find_named<E>(name).value();
  }
  /// A config.json field that changes the mathematics and has one supported value. Another one is refused;
  /// the value is written on export.
  void require(const std::string& key, const nlohmann::json& only_value);
  /// Refuses a config.json: "<file>: <key>: <problem>" unless `good`. Ignored in the other directions.
  void check(bool good, const std::string& key, const std::string& problem) const;
  /// `parts` must divide `whole_key`'s value `whole`.
  void divides(const std::string& key, std::int64_t parts, const std::string& whole_key,
               std::int64_t whole) const;

  /// Rotary positions: `rope_parameters` as transformers 5 writes it (base and scaling in one object), or
  /// `rope_theta`, `partial_rotary_factor` and `rope_scaling` as 4.x does, where the kind is `rope_type` or,
  /// older, `type`. A config whose value.local_theta is set has a base for layers with a window too:
  /// `rope_parameters` holds an object for each kind of layer, or `rope_local_base_freq` stands beside
  /// `rope_theta`. Written in the 4.x form, which both read.
  void rotary(RotaryConfig& value, const RotaryKeys& keys = {});

 private:
  Direction direction_;
  FieldBinding fields_;
};

/// A scaling's own fields (`rope_scaling`, or `rope_parameters` without the base), both ways. `config` gives
/// the trained length where the scaling leaves it out. Throws InputError for a kind that is not known.
void bind_rope_scaling(FieldBinding& fields, RopeScaling& rope, const ConfigReader& config);

/// The directions of a typed config `C` with `void bind(ConfigBinding&)`.
template <typename C>
C config_from_json(const ConfigReader& json) {
  C config;
  ConfigBinding binding(json);
  config.bind(binding);
  return config;
}
template <typename C>
nlohmann::json config_to_json(C config) {
  ConfigBinding binding;
  config.bind(binding);
  return binding.written();
}
template <typename C>
TransformerConfig config_to_megatron(C config) {
  ConfigBinding binding(ConfigBinding::Direction::to_megatron, {});
  config.bind(binding);
  return binding.megatron;
}
template <typename C>
C config_from_megatron(const TransformerConfig& megatron) {
  C config;
  ConfigBinding binding(ConfigBinding::Direction::from_megatron, megatron);
  config.bind(binding);
  return config;
}

/// A config.json within a config.json <-> a typed config.
template <typename C>
void bind_part(ConfigBinding& b, const std::string& key, C& config) {
  if (b.reading()) config = config_from_json<C>(b.reader().object(key));
  if (b.direction() != ConfigBinding::Direction::to_json) return;
  nlohmann::json json = config_to_json(config);
  b.object(key, json);
}

}  // namespace mhub
