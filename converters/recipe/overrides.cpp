// SPDX-License-Identifier: Apache-2.0
#include "overrides.hpp"

#include <charconv>

#include "mhub/base/error.hpp"

namespace mhub::converters {
namespace {

constexpr std::string_view kList = "conversions.", kVariables = "variables.";

/// A --set stands in no line.
YamlPair given(const std::string& option, std::string_view key, const std::string& value) {
  const Place place{std::make_shared<const std::string>("--set " + option), 0, 0};
  return {std::string(key), place, make_scalar(value, place)};
}

/// Whether --set may have such a key: one of a conversion, or step.key.
bool can_be_set(std::string_view key) {
  const std::size_t dot = key.find('.');
  if (dot != key.npos) return find_step_key(key.substr(0, dot), key.substr(dot + 1)) != nullptr;
  const std::string_view name = short_name(key);
  return find_convert_key(name) != nullptr || find_step(name) != nullptr || name == "download" ||
         name == "parts" || name == "sources";
}

void set_in(WrittenEntry& entry, const std::string& option, std::string_view key, const std::string& value) {
  const std::size_t dot = key.find('.');
  if (dot == key.npos) {
    // Who names the one has no use for the other.
    if (key == "source") std::erase_if(entry.keys, [](const YamlPair& one) { return one.key == "sources"; });
    return entry.set(given(option, short_name(key), value));
  }
  const std::string_view step = key.substr(0, dot), name = key.substr(dot + 1);
  YamlPair pair = given(option, name, value);
  std::vector<YamlPair> keys;
  if (const YamlPair* old = entry.find(step)) {
    if (old->value->kind == YamlNode::Kind::map) keys = old->value->pairs;
    const StepKind* kind = find_step(step);
    // "upload: org/name" is short for a map.
    if (old->value->kind == YamlNode::Kind::scalar && *kind->short_key != '\0')
      keys.push_back({kind->short_key, old->place, old->value});
  }
  std::erase_if(keys, [&](const YamlPair& one) { return one.key == name; });
  const Place place = pair.place;
  keys.push_back(std::move(pair));
  entry.set({std::string(step), place, make_map(std::move(keys), place)});
}

/// "conversions.1.tp": the number, and the key behind it.
std::pair<std::size_t, std::string_view> numbered(const std::string& option, std::size_t items) {
  const std::string_view rest = std::string_view(option).substr(kList.size());
  std::size_t index = 0;
  const char* end = rest.data() + rest.size();
  const auto parsed = std::from_chars(rest.data(), end, index);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '.' || index >= items)
    throw UsageError("--set " + option + ": expected conversions.N.key with N from 0 to " +
                     std::to_string(items - 1));
  return {index, std::string_view(parsed.ptr + 1, static_cast<std::size_t>(end - parsed.ptr - 1))};
}

void require_key(const std::string& option, std::string_view key) {
  if (can_be_set(key)) return;
  if (is_entry_key(short_name(key)))
    throw UsageError("--set " + option + ": " + std::string(key) +
                     " is said in the recipe alone; change it there");
  throw UsageError("--set " + option + ": " + unknown_entry_key(std::string(key), false));
}

/// The longest end of "NAME.key" behind a dot that is a key; names may have dots, too.
std::size_t key_at(std::string_view option) {
  for (std::size_t dot = option.find('.'); dot != option.npos; dot = option.find('.', dot + 1)) {
    if (dot > 0 && can_be_set(option.substr(dot + 1))) return dot;
  }
  return option.npos;
}

void apply_to_all(const std::string& option, const std::string& value, std::size_t items, RecipeText& text) {
  if (option.starts_with(kVariables)) {
    const std::string name = option.substr(kVariables.size());
    return text.set_variable(name, given(option, name, value));
  }
  if (option.starts_with(kList)) {
    const auto [index, key] = numbered(option, items);
    require_key(option, key);
    for (WrittenEntry& entry : text.entries) {
      if (entry.item == index) set_in(entry, option, key, value);
    }
    return;
  }
  if (!can_be_set(option) && key_at(option) != option.npos) return;  // of one entry
  require_key(option, option);
  for (WrittenEntry& entry : text.entries) set_in(entry, option, option, value);
}

}  // namespace

void apply_overrides(const Overrides& overrides, std::size_t items, bool named, RecipeText& text) {
  for (const auto& [option, value] : overrides) {
    if (!named) {
      try {
        apply_to_all(option, value, items, text);
      } catch (const UsageError& error) {
        const bool says = std::string_view(error.what()).starts_with("--set ");
        throw UsageError((says ? "" : "--set " + option + ": ") + std::string(error.what()));
      }
      continue;
    }
    if (can_be_set(option) || option.starts_with(kVariables) || option.starts_with(kList)) continue;
    const std::size_t dot = key_at(option);
    std::size_t entry = 0;
    try {
      entry = text.named(option.substr(0, dot));
    } catch (const UsageError& error) {
      throw UsageError("--set " + option + ": " + error.what());
    }
    set_in(text.entries[entry], option, std::string_view(option).substr(dot + 1), value);
  }
}

}  // namespace mhub::converters
