// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/fields.hpp"

#include <algorithm>
#include <cmath>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/config/layer_specs.hpp"

namespace mhub {
namespace {

bool there(const Field& field, const TransformerConfig& c) {
  return field.there == nullptr || field.there(c);
}

/// A model with every part, each at its defaults.
const TransformerConfig& defaults() {
  static const TransformerConfig all = [] {
    TransformerConfig c;
    for (const Field& field : fields()) {
      if (field.add != nullptr) field.add(c);
    }
    return c;
  }();
  return all;
}

nlohmann::json json_of(const Field& field, const TransformerConfig& c) {
  return field.get != nullptr ? field.get(c) : nlohmann::json();
}

bool is_limited(const Field& field, const TransformerConfig& c) {
  return field.limited != nullptr ? field.limited(c) : !has_default(field, c);
}

/// A name as the table has it; empty: none.
std::string name_in(const Field& field, const char* name) {
  if (name == nullptr) return "";
  const std::string given = name;
  if (given != kOwn && given != kHf) return given;
  return (given == kHf ? given : std::string(field.prefix)) + std::string(field.member);
}

/// What messages call a field: Megatron-Core's name, else the member's.
std::string known_as(const Field& field) {
  return field.core != nullptr ? name_in(field, field.core) : field.name();
}

std::string key_of(const Field& field, Dialect dialect) {
  const char* name = dialect == Dialect::args ? field.args : field.run_config;
  return name_in(field, name != nullptr ? name : field.core);
}

void bind_key(FieldBinding& f, const Field& field, const std::string& key, TransformerConfig& c) {
  if (f.reading() && !f.reader().has(key)) {
    if (field.absent != nullptr) field.absent(c);
  } else if (field.add != nullptr) {
    if (f.reading()) field.add(c);
  } else if (f.reading()) {
    field.read(field, f, key, c);
  } else if (!has_default(field, c) || field.default_is == Written::always) {
    f.constant(key, json_of(field, c));
  } else if (field.default_is == Written::null) {
    f.constant(key, nullptr);
  }
}

void bind_field(FieldBinding& f, const Field& field, TransformerConfig& c, Dialect dialect) {
  if (field.bind != nullptr) return field.bind(f, c, dialect);
  std::string key = key_of(field, dialect);
  if (key.empty()) return;
  const bool copied = field.args_copy != nullptr && dialect == Dialect::args;
  if (copied && f.reading() && !f.reader().has(key)) key = field.args_copy;
  bind_key(f, field, key, c);
  if (copied) f.constant(field.args_copy, json_of(field, c));
}

std::string flag_of(const Field& field, const TransformerConfig& c) {
  std::string flag = field.flag;
  if (flag.empty()) {
    flag = "--" + key_of(field, Dialect::args);
    std::replace(flag.begin(), flag.end(), '_', '-');
  }
  const nlohmann::json value = json_of(field, c);
  return value.is_null() || value.is_boolean() ? flag : flag + " " + shown(value);
}

/// Whether --use-checkpoint-args leaves something to say. Megatron-LM's defaults of a part's fields need not
/// be ours.
bool needs_flag(const Field& field, const TransformerConfig& c) {
  if (!has_default(field, c)) return true;
  return field.there != nullptr && field.default_is == Written::always && !json_of(field, c).is_boolean();
}

/// What must lie in a field's range.
std::vector<nlohmann::json> numbers_of(const Field& field, const TransformerConfig& c) {
  if (field.default_is != Written::always && has_default(field, c)) return {};  // it says nothing
  const nlohmann::json json = json_of(field, c);
  if (json.is_number()) return {json};
  if (json.is_array() && field.layers == nullptr) return json;
  return {};
}

/// Numbers that went through text or single precision are still the same setting.
bool same(const nlohmann::json& a, const nlohmann::json& b) {
  if (!a.is_number() || !b.is_number()) return a == b;
  const auto x = a.get<double>(), y = b.get<double>();
  return std::abs(x - y) <= 1e-6 * std::max(std::abs(x), std::abs(y));
}

void compare(const std::string& path, const nlohmann::json& a, const nlohmann::json& b, Lines& out) {
  if (a.is_object() && b.is_object()) {
    nlohmann::json keys = a;
    keys.update(b);
    for (const auto& entry : keys.items()) {
      compare(path.empty() ? entry.key() : path + "." + entry.key(), a.value(entry.key(), nlohmann::json()),
              b.value(entry.key(), nlohmann::json()), out);
    }
  } else if (!same(a, b)) {
    out.push_back(path + " (" + json_text(a) + ", " + json_text(b) + ")");
  }
}

}  // namespace

std::string shown(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_float() ? shortest(value.get<double>()) : json_text(value);
}

bool matters(const Field& field, const TransformerConfig& c) {
  return there(field, c) && (field.matters == nullptr || field.matters(c));
}

bool has_default(const Field& field, const TransformerConfig& c) {
  return field.add != nullptr ? !there(field, c) : json_of(field, c) == json_of(field, defaults());
}

bool needs_spec(const Field& field, const TransformerConfig& c) {
  return (field.spec_limit != nullptr && is_limited(field, c)) ||
         (field.needs_spec != nullptr && field.needs_spec(c));
}

nlohmann::json meaning_of(const Field& field, const TransformerConfig& c) {
  return field.meaning != nullptr ? field.meaning(c) : json_of(field, c);
}

void reset(const Field& field, TransformerConfig& c) {
  if (field.reset != nullptr && there(field, c)) field.reset(c);
}

void bind_fields(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  // Other fields ask which parts there are.
  for (const Field& field : fields()) {
    if (field.add != nullptr) bind_field(f, field, c, dialect);
  }
  for (const Field& field : fields()) {
    if (field.add == nullptr && there(field, c)) bind_field(f, field, c, dialect);
  }
  if (f.reading()) refuse_unsupported_settings(f.reader(), c);
}

void bind_part(FieldBinding& f, TransformerConfig& c, const std::string& part) {
  for (const Field& field : fields()) {
    if (field.key && field.part == part && matters(field, c))
      bind_key(f, field, std::string(field.member), c);
  }
}

void read_layers(const FieldBinding& f, const std::string& key, std::int64_t layers,
                 std::int64_t (*entry)(std::int64_t, std::int64_t), std::vector<std::int64_t>& list) {
  if (!f.reader().has(key)) return;
  list.clear();
  nlohmann::json stated = f.reader().json().at(key);
  if (!stated.is_number_integer()) {
    // Megatron-Bridge states a list of true and false for some models (gemma4_bridge.py).
    const auto is_boolean = [](const nlohmann::json& one) { return one.is_boolean(); };
    const bool booleans = stated.is_array() && std::all_of(stated.begin(), stated.end(), is_boolean);
    if (!booleans) {
      list = f.reader().integers(key);
    } else {
      for (const nlohmann::json& one : stated) list.push_back(one.get<bool>() ? 1 : 0);
    }
    return;
  }
  const std::int64_t every = f.reader().positive(key);
  for (std::int64_t i = 0; i < std::min<std::int64_t>(layers, 1 << 20); ++i) list.push_back(entry(i, every));
}

nlohmann::json described(const TransformerConfig& c) {
  nlohmann::json out = nlohmann::json::object();
  for (const Field& field : fields()) {
    if (field.add != nullptr || !field.compared || !matters(field, c)) continue;
    nlohmann::json& place = field.part.empty() ? out : out[std::string(field.part)];
    place[std::string(field.member)] = meaning_of(field, c);
  }
  return out;
}

Lines adopt_fields(TransformerConfig& c, const TransformerConfig& stated, const TransformerConfig& expected) {
  Lines adopted;
  for (const Field& field : fields()) {
    if (there(field, stated) != there(field, expected))
      throw InputError(std::string(field.add != nullptr ? field.member : field.part) + " is " +
                       (there(field, stated) ? "there" : "missing"));
    if (field.get == nullptr || !field.compared || !matters(field, stated)) continue;
    if (same(meaning_of(field, stated), meaning_of(field, expected))) continue;
    const nlohmann::json value = field.get(stated);
    const std::string name = known_as(field);
    FieldBinding binding(ConfigReader({{name, value}}, "a checkpoint's description"));
    field.read(field, binding, name, c);
    adopted.push_back(name + " is " + json_text(value) + ", not " + json_text(field.get(expected)));
  }
  return adopted;
}

Lines differing_fields(const TransformerConfig& a, const TransformerConfig& b) {
  Lines out;
  compare("", described(a), described(b), out);
  return out;
}

Lines field_flags(const TransformerConfig& c) {
  Lines flags;
  if (c.image) return flags;  // CLIPViTModel is built by programs, not from arguments
  for (const Field& field : fields()) {
    if (!matters(field, c)) continue;
    if (field.flag != nullptr && needs_flag(field, c)) flags.push_back(flag_of(field, c));
    if (field.add_flags != nullptr) field.add_flags(flags, c);
  }
  return flags;
}

std::string with_layer_spec(std::string limit, std::initializer_list<std::string> fields,
                            const TransformerConfig& c) {
  if (is_beyond_layer_specs(c)) return limit;
  limit += kLayerSpec;
  const std::optional<LayerSpec> spec = layer_spec(c);
  for (const std::string& field : fields) {
    if (spec && spec->differences.contains(field)) limit += ", with " + spec->differences.at(field);
  }
  return limit;
}

Lines field_limits(const TransformerConfig& c) {
  Lines limits;
  if (c.image) return limits;
  for (const Field& field : fields()) {
    if (!matters(field, c)) continue;
    const bool limited = is_limited(field, c);
    if (field.limit != nullptr && limited) limits.emplace_back(field.limit);
    if (field.spec_limit != nullptr && limited)
      limits.push_back(with_layer_spec(field.spec_limit, {std::string(field.member)}, c));
    if (field.add_limits != nullptr) field.add_limits(limits, c);
  }
  return limits;
}

Lines export_notes(const TransformerConfig& c) {
  Lines notes;
  for (const Field& field : fields()) {
    if (field.add_export_notes != nullptr && matters(field, c)) field.add_export_notes(notes, c);
  }
  return notes;
}

void check_ranges(
    const TransformerConfig& c,
    const std::function<void(const std::string&, const std::string&, const std::string&)>& refuse) {
  for (const Field& field : fields()) {
    if (!matters(field, c)) continue;
    const auto [low, high] = field.runs.value_or(kYes);
    const std::string numbers = "a number from " + std::to_string(low) + " to " + std::to_string(high);
    for (const nlohmann::json& one : numbers_of(field, c)) {
      const auto value = one.get<double>();
      if (value >= low && value <= high) continue;
      refuse(known_as(field), one.is_number_integer() ? json_text(one) : std::to_string(value),
             low == kSize.low ? ConfigReader::kSizeText : numbers);
    }
    const std::size_t entries = field.layers != nullptr ? json_of(field, c).size() : 0;
    if (entries > 0 && static_cast<std::int64_t>(entries) != c.num_layers)
      refuse(known_as(field), std::to_string(entries) + " entries", "one for each layer");
  }
}

}  // namespace mhub
