// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "mhub/base/json_object.hpp"
#include "mhub/config/transformer_config.hpp"

namespace mhub {

/// Typed access to a Hugging Face config.json (or a part of it). A missing or null key takes the default;
/// that is how transformers reads a config too (it leaves out keys at their default when it saves one).
class ConfigReader : public JsonObject {
 public:
  /// `file` is for messages; `json` must be an object.
  ConfigReader(nlohmann::json json, std::string file);

  /// No model's size comes near this; it keeps every later product of two sizes, times a small factor, inside
  /// 64 bits. All integers of a config are at most this far from zero.
  static constexpr std::int64_t kLargestSize = std::int64_t{1} << 28;
  static constexpr const char* kSizeText = "a size from 1 to 2^28";
  std::int64_t integer(const std::string& key, std::optional<std::int64_t> fallback = {}) const;
  std::vector<std::int64_t> integers(const std::string& key) const;
  /// An integer of 1 .. kLargestSize.
  std::int64_t positive(const std::string& key, std::optional<std::int64_t> fallback = {}) const;
  /// What the getter for values of this type gives.
  template <typename T>
  T value(const std::string& key) const {
    if constexpr (std::is_same_v<T, std::int64_t>) return integer(key);
    if constexpr (std::is_same_v<T, double>) return number(key);
    if constexpr (std::is_same_v<T, bool>) return boolean(key);
    if constexpr (std::is_same_v<T, std::string>) return string(key);
    if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) return integers(key);
    if constexpr (std::is_same_v<T, std::vector<double>>) return numbers(key);
  }
  /// A nested object; empty when the key is missing.
  ConfigReader object(const std::string& key) const;

  /// Refuses a config in which a field that changes the mathematics has a value that the mapping does not
  /// cover.
  void require(const std::string& key, const nlohmann::json& only_value) const;

  const std::string& file() const { return origin(); }

 private:
  explicit ConfigReader(JsonObject part) : JsonObject(std::move(part)) {}
  void bound(const std::string& key, std::int64_t value) const;
};

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
  std::string yarn = "yarn";           ///< the kind of scaling; "yarn" is read as well
  /// An object for each kind of layer ("rope_parameters") is written, for classes that read nothing else.
  bool per_kind = false;
  bool scaled_windows = true;  ///< false: layers with a window rotate as if nothing were scaled
};

/// Named values of a config file that are declared once and travel both ways: each function reads its key
/// into `value` or writes `value` under its key. A missing or null key leaves `value` as it is, so that
/// member initialisers are the defaults. Reading throws InputError as ConfigReader does.
class FieldBinding {
 public:
  enum class Direction { from_json, to_json, to_megatron, from_megatron };

  /// Reads from `json`.
  explicit FieldBinding(ConfigReader json) : FieldBinding(Direction::from_json, std::move(json)) {}
  /// Writes.
  FieldBinding() : FieldBinding(Direction::to_json) {}

  Direction direction() const { return direction_; }
  bool reading() const { return direction_ == Direction::from_json; }
  bool writing() const { return direction_ == Direction::to_json; }
  /// What is read; empty in the other directions.
  const ConfigReader& reader() const { return reader_; }
  /// What has been written.
  const nlohmann::json& written() const { return written_; }

  void integer(const std::string& key, std::int64_t& value) { pass(key, value); }
  /// A size, 1 .. ConfigReader::kLargestSize.
  void positive(const std::string& key, std::int64_t& value) {
    pass(key, value);
    if (reading() && reader_.has(key)) reader_.positive(key);
  }
  void number(const std::string& key, double& value) { pass(key, value); }
  void boolean(const std::string& key, bool& value) { pass(key, value); }
  void text(const std::string& key, std::string& value) { pass(key, value); }
  void integers(const std::string& key, std::vector<std::int64_t>& value) { pass(key, value); }
  /// Absent values are null: "no window", where the default may be one.
  template <typename T>
  void optional(const std::string& key, std::optional<T>& value) {
    if (writing()) written_[key] = value ? nlohmann::json(*value) : nlohmann::json();
    if (!reading() || !reader_.json().contains(key)) return;
    value = reader_.has(key) ? std::optional<T>(reader_.value<T>(key)) : std::nullopt;
  }
  /// The name of one of several; another name is refused.
  template <NamedChoice E>
  void choice(const std::string& key, E& value) {
    std::string name = name_of(value);
    text(key, name);
    const std::optional<E> known = find_named<E>(name);
    if (!known) reader_.fail(key, "unsupported: \"" + name + "\"");
    value = *known;
  }
  /// A value of any of those types.
  template <typename T>
  void pass(const std::string& key, T& value) {
    if (writing()) written_[key] = value;
    if (reading() && reader_.has(key)) value = reader_.value<T>(key);
  }
  /// An object of its own, whose fields `bind(FieldBinding&)` passes on.
  template <typename Bind>
  void nested(const std::string& key, const Bind& bind) {
    if (reading() && !reader_.has(key)) return;
    FieldBinding fields = reading() ? FieldBinding(reader_.object(key)) : FieldBinding();
    bind(fields);
    constant(key, fields.written());
  }
  /// Writes a value that nothing reads back.
  void constant(const std::string& key, nlohmann::json value) {
    if (writing()) written_[key] = std::move(value);
  }

 protected:
  explicit FieldBinding(Direction direction, ConfigReader json = {nlohmann::json::object(), ""})
      : reader_(std::move(json)), direction_(direction) {}

  ConfigReader reader_;
  nlohmann::json written_ = nlohmann::json::object();

 private:
  Direction direction_;
};

/// One declaration of a Hugging Face config that serves four directions: config.json -> typed config ->
/// Megatron's TransformerConfig, and back. A plugin's `Config::bind(ConfigBinding&)` calls a function per
/// field with its JSON key, the typed member (its initialiser is transformers' default) and, where Megatron
/// has the same thing, the TransformerConfig field. What does not round-trip (a TransformerConfig that the
/// architecture cannot express) is found by comparing after a round trip, so `bind` needs no checks for it.
class ConfigBinding : public FieldBinding {
 public:
  using FieldBinding::FieldBinding;
  ConfigBinding() = default;
  /// typed config -> TransformerConfig (`megatron`, filled), or back (`megatron`, read).
  ConfigBinding(Direction direction, TransformerConfig start)
      : FieldBinding(direction), megatron(std::move(start)) {}

  TransformerConfig
      megatron;  ///< the Megatron side of the two directions that have one; scratch in the others

  bool to_megatron() const { return direction() == Direction::to_megatron; }
  bool from_megatron() const { return direction() == Direction::from_megatron; }

  // JSON key <-> typed member, as in FieldBinding, <-> TransformerConfig field.
  using FieldBinding::boolean, FieldBinding::number, FieldBinding::optional, FieldBinding::positive,
      FieldBinding::text;
  /// InputError from either side for what is no size.
  void positive(const std::string& key, std::int64_t& value, std::int64_t& field);
  void number(const std::string& key, double& value, double& field) {
    number(key, value);
    link(value, field);
  }
  void boolean(const std::string& key, bool& value, bool& field) {
    boolean(key, value);
    link(value, field);
  }
  /// The typed member has one of the names of `field`'s enumeration; another one is InputError.
  template <NamedChoice E>
  void text(const std::string& key, std::string& value, E& field) {
    text(key, value);
    const std::optional<E> known = find_named<E>(value);
    check(known.has_value(), key, "unsupported: \"" + value + "\"");
    if (to_megatron()) field = known.value();
    if (from_megatron()) value = name_of(field);
  }
  template <typename T>
  void optional(const std::string& key, std::optional<T>& value, std::optional<T>& field) {
    optional(key, value);
    link(value, field);
  }

  /// One of `names` a layer (`layer_types`) <-> its number among them, read under the names that newer
  /// releases of transformers give them too. An empty list is not written.
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
  /// The same by name, which must be one of the enumeration's.
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
};

/// A scaling's own fields (`rope_scaling`, or `rope_parameters` without the base), both ways. `config` gives
/// the trained length where the scaling leaves it out. Throws InputError for a kind that is not known.
/// `yarn`: RotaryKeys::yarn.
void bind_rope_scaling(FieldBinding& fields, RopeScaling& rope, const ConfigReader& config,
                       const std::string& yarn = "yarn");

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
  if (b.writing()) b.constant(key, config_to_json(config));
}

}  // namespace mhub
