// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/settings.hpp"

#include <memory>

#include "mhub/base/utf8.hpp"

namespace mhub::text {

// Owns nothing: the files of a tokenizer are large, and whoever reads them keeps them.
Settings::Settings(const nlohmann::json& object, std::string origin)
    : JsonObject({std::shared_ptr<const nlohmann::json>(), &object}, std::move(origin)) {}

std::optional<std::string> Settings::find_string(const std::string& key) const {
  return has(key) ? std::optional(string(key)) : std::nullopt;
}

char32_t Settings::character(const std::string& key) const {
  const std::string text = string(key);
  if (text.empty() || utf8_length(text[0]) != text.size()) wrong(key, "one character");
  std::size_t begin = 0;
  return next_character(text, begin);
}

std::uint64_t Settings::count(const std::string& key, std::uint64_t fallback) const {
  const std::int64_t value = integer(key, static_cast<std::int64_t>(fallback));
  if (value < 0) wrong(key, "a whole number");
  return static_cast<std::uint64_t>(value);
}

Settings Settings::object(const std::string& key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) wrong(key, "an object");
  return {*value, origin() + "." + key};
}

std::vector<Settings> Settings::objects(const std::string& key) const {
  const nlohmann::json* values = find(key);
  if (values == nullptr || !values->is_array()) wrong(key, "a list");
  std::vector<Settings> list;
  list.reserve(values->size());
  for (const nlohmann::json& element : *values)
    list.emplace_back(element, origin() + "." + key + "[" + std::to_string(list.size()) + "]");
  return list;
}

Regex Settings::pattern(const std::string& key) const {
  const Settings pattern = object(key);
  if (pattern.has("String")) return Regex::literal(pattern.string("String"), pattern.origin());
  return {pattern.string("Regex"), pattern.origin()};
}

}  // namespace mhub::text
