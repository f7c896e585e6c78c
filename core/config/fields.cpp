// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "mhub/config/field_functions.hpp"

namespace mhub {
namespace {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

bool there(const Field& field, const TransformerConfig& c) {
  return field.value.there == nullptr || field.value.there(c);
}

/// A model with every part, each at its defaults.
const TransformerConfig& defaults() {
  static const TransformerConfig all = [] {
    TransformerConfig c;
    for (const Field& field : fields()) {
      if (const auto* part = std::get_if<Part>(&field.value.access)) part->add(c);
    }
    return c;
  }();
  return all;
}

nlohmann::json json_of(const Field& field, const TransformerConfig& c) {
  return std::visit(
      Overloaded{[](std::monostate) { return nlohmann::json(); },
                 [](const Part&) { return nlohmann::json(true); },
                 [&](const Choice& choice) { return nlohmann::json(choice.name(c)); },
                 [&]<typename T>(const Access<T>& access) { return nlohmann::json(access.in(c)); },
                 [&]<typename T>(const Access<std::optional<T>>& access) {
                   return access.in(c) ? nlohmann::json(*access.in(c)) : nlohmann::json();
                 }},
      field.value.access);
}

bool has_default(const Field& field, const TransformerConfig& c) {
  if (std::holds_alternative<Part>(field.value.access)) return !there(field, c);
  return json_of(field, c) == json_of(field, defaults());
}

std::string_view own_name(const Field& field) {
  const std::string_view name = field.name;
  return name.substr(name.find('.') + 1);  // all of it without a point
}

/// A name as the table has it; empty: none.
std::string name_in(const Field& field, const char* name) {
  if (name == nullptr) return "";
  return *name != 0 ? name : std::string(own_name(field));
}

std::string key_of(const Field& field, Dialect dialect) {
  const char* name = dialect == Dialect::args ? field.args : field.run_config;
  return name_in(field, name != nullptr ? name : field.core);
}

void read(FieldBinding& f, const Field& field, const std::string& key, TransformerConfig& c) {
  if (!f.reader().has(key)) {
    if (field.absent != nullptr) field.absent(c);
    return;
  }
  // Where the default is stated as null, Megatron's own value for it may be 0.
  const bool size = field.runs && field.runs->low >= 1 && field.default_is != Written::null;
  std::visit(Overloaded{[](std::monostate) {}, [&](const Part& part) { part.add(c); },
                        [&](const Choice& choice) {
                          const std::string name = f.reader().string(key);
                          if (!choice.set(c, name)) f.reader().fail(key, "unsupported: \"" + name + "\"");
                        },
                        [&](const Access<std::int64_t>& access) {
                          access.of(c) = size ? f.reader().positive(key) : f.reader().integer(key);
                        },
                        [&](const Access<double>& access) { f.number(key, access.of(c)); },
                        [&](const Access<bool>& access) { f.boolean(key, access.of(c)); },
                        [&](const Access<std::string>& access) { f.text(key, access.of(c)); },
                        [&](const Access<std::vector<std::int64_t>>& access) {
                          read_layers(f, key, c.num_layers, field.entry, access.of(c));
                        },
                        [&](const Access<std::vector<double>>& access) { f.numbers(key, access.of(c)); },
                        [&](const auto& access) { f.optional(key, access.of(c)); }},
             field.value.access);
}

void write(FieldBinding& f, const Field& field, const std::string& key, const TransformerConfig& c) {
  const bool part = std::holds_alternative<Part>(field.value.access);
  if (has_default(field, c) && field.default_is != Written::always) {
    if (field.default_is == Written::null) f.constant(key, nullptr);
  } else if (!part) {
    f.constant(key, json_of(field, c));
  }
}

void bind_field(FieldBinding& f, const Field& field, TransformerConfig& c, Dialect dialect) {
  if (field.bind != nullptr) {
    field.bind(f, c, dialect);
  } else if (const std::string key = key_of(field, dialect); !key.empty()) {
    if (f.reading()) {
      read(f, field, key, c);
    } else {
      write(f, field, key, c);
      if (field.args_copy != nullptr && dialect == Dialect::args)
        f.constant(field.args_copy, json_of(field, c));
    }
  }
}

std::string shown(std::int64_t value) { return std::to_string(value); }
std::string shown(double value) { return shortest(value); }
/// A list as Megatron-LM evaluates it, one shell word.
template <typename T>
std::string shown(const std::vector<T>& values) {
  std::string text = "[";
  for (const T value : values) text += (text.size() > 1 ? "," : "") + shown(value);
  return text + "]";
}

std::string flag_of(const Field& field, const TransformerConfig& c) {
  const std::string flag = field.flag;
  return std::visit(
      Overloaded{[&](std::monostate) { return flag; }, [&](const Part&) { return flag; },
                 [&](const Choice& choice) { return flag + " " + choice.name(c); },
                 [&](const Access<bool>&) { return flag; },
                 [&](const Access<std::string>& access) { return flag + " " + access.in(c); },
                 [&]<typename T>(const Access<T>& access) { return flag + " " + shown(access.in(c)); },
                 [&]<typename T>(const Access<std::optional<T>>& access) {
                   return flag + " " + shown(*access.in(c));
                 }},
      field.value.access);
}

/// Whether --use-checkpoint-args leaves something to say. Megatron-LM's defaults of a part's fields need not
/// be ours.
bool needs_flag(const Field& field, const TransformerConfig& c) {
  if (!has_default(field, c)) return true;
  return field.value.there != nullptr && field.default_is == Written::always &&
         !std::holds_alternative<Access<bool>>(field.value.access);
}

/// What must lie in a field's range.
std::vector<nlohmann::json> numbers_of(const Field& field, const TransformerConfig& c) {
  if (field.default_is != Written::always && has_default(field, c)) return {};  // it says nothing
  const nlohmann::json json = json_of(field, c);
  if (json.is_number()) return {json};
  if (std::holds_alternative<Access<std::vector<double>>>(field.value.access)) return json;
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
    out.push_back(path + " (" + a.dump() + ", " + b.dump() + ")");
  }
}

}  // namespace

std::string shortest(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

std::string known_as(const Field& field) {
  return field.core != nullptr ? name_in(field, field.core) : field.name;
}

bool matters(const Field& field, const TransformerConfig& c) {
  return there(field, c) && (field.matters == nullptr || field.matters(c));
}

void reset(const Field& field, TransformerConfig& c) {
  if (!there(field, c)) return;
  std::visit(Overloaded{[](std::monostate) {}, [&](const Part& part) { part.remove(c); },
                        [&](const Choice& choice) { choice.set(c, choice.name(defaults())); },
                        [&](const auto& access) { access.of(c) = access.in(defaults()); }},
             field.value.access);
}

void bind_fields(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  // Other fields ask which parts there are.
  for (const Field& field : fields()) {
    if (std::holds_alternative<Part>(field.value.access)) bind_field(f, field, c, dialect);
  }
  for (const Field& field : fields()) {
    if (!std::holds_alternative<Part>(field.value.access) && there(field, c))
      bind_field(f, field, c, dialect);
  }
}

void bind_part(FieldBinding& f, TransformerConfig& c, const std::string& part) {
  for (const Field& field : fields()) {
    if (field.key == nullptr || !std::string_view(field.name).starts_with(part + ".") || !matters(field, c))
      continue;
    if (f.reading()) {
      read(f, field, name_in(field, field.key), c);
    } else {
      write(f, field, name_in(field, field.key), c);
    }
  }
}

nlohmann::json described(const TransformerConfig& c) {
  nlohmann::json out = nlohmann::json::object();
  for (const Field& field : fields()) {
    if (std::holds_alternative<Part>(field.value.access) || !field.compared || !matters(field, c)) continue;
    nlohmann::json value = field.meaning != nullptr ? field.meaning(c) : json_of(field, c);
    const std::string name = field.name;
    const std::size_t point = name.find('.');
    if (point == std::string::npos) {
      out[name] = std::move(value);
    } else {
      out[name.substr(0, point)][name.substr(point + 1)] = std::move(value);
    }
  }
  return out;
}

Lines differing_fields(const TransformerConfig& a, const TransformerConfig& b) {
  Lines out;
  compare("", described(a), described(b), out);
  return out;
}

Lines field_flags(const TransformerConfig& c) {
  Lines flags;
  for (const Field& field : fields()) {
    if (!matters(field, c)) continue;
    if (field.flag != nullptr && needs_flag(field, c)) flags.push_back(flag_of(field, c));
    if (field.add_flags != nullptr) field.add_flags(flags, c);
  }
  return flags;
}

Lines field_limits(const TransformerConfig& c) {
  Lines limits;
  for (const Field& field : fields()) {
    if (!matters(field, c)) continue;
    const bool limited = field.limited != nullptr ? field.limited(c) : !has_default(field, c);
    if (field.limit != nullptr && limited) limits.emplace_back(field.limit);
    if (field.spec_limit != nullptr && limited) limits.push_back(std::string(field.spec_limit) + kLayerSpec);
    if (field.add_limits != nullptr) field.add_limits(limits, c);
  }
  return limits;
}

void check_ranges(
    const TransformerConfig& c,
    const std::function<void(const std::string&, const std::string&, const std::string&)>& refuse) {
  for (const Field& field : fields()) {
    if (!matters(field, c)) continue;
    const auto [low, high] = field.runs.value_or(kYes);
    const std::string sizes = "a size from 1 to 2^28";
    const std::string numbers = "a number from " + std::to_string(low) + " to " + std::to_string(high);
    for (const nlohmann::json& one : numbers_of(field, c)) {
      const auto value = one.get<double>();
      if (value >= low && value <= high) continue;
      refuse(known_as(field), one.is_number_integer() ? one.dump() : std::to_string(value),
             low == kSize.low ? sizes : numbers);
    }
    const auto* list = std::get_if<Access<std::vector<std::int64_t>>>(&field.value.access);
    if (list != nullptr && !list->in(c).empty() &&
        static_cast<std::int64_t>(list->in(c).size()) != c.num_layers)
      refuse(known_as(field), std::to_string(list->in(c).size()) + " entries", "one for each layer");
  }
}

}  // namespace mhub
