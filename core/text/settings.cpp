// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/settings.hpp"

#include "mhub/base/error.hpp"
#include "mhub/text/unicode/utf8.hpp"

namespace mhub::text {

Settings::Settings(const nlohmann::json& object, std::string origin)
    : json_(object), origin_(std::move(origin)) {
  if (!json_.is_object()) fail(std::string("expected an object, found ") + json_.type_name());
}

void Settings::fail(const std::string& message) const { throw InputError(origin_ + ": " + message); }

void Settings::wrong_type(const std::string& key, const std::string& expected) const {
  fail("\"" + key + "\" must be " + expected + ", not " + at(key).type_name());
}

bool Settings::has(const std::string& key) const {
  const auto it = json_.find(key);
  return it != json_.end() && !it->is_null();
}

const nlohmann::json& Settings::at(const std::string& key) const {
  const auto it = json_.find(key);
  if (it == json_.end()) fail("\"" + key + "\" is missing");
  return *it;
}

std::string Settings::string(const std::string& key) const {
  if (!at(key).is_string()) wrong_type(key, "a string");
  return at(key).get<std::string>();
}

std::optional<std::string> Settings::find_string(const std::string& key) const {
  return has(key) ? std::optional(string(key)) : std::nullopt;
}

char32_t Settings::character(const std::string& key) const {
  const std::string text = string(key);
  if (text.empty() || utf8_length(text[0]) != text.size()) fail("\"" + key + "\" must be one character");
  std::size_t begin = 0;
  return next_character(text, begin);
}

bool Settings::boolean(const std::string& key) const {
  if (!at(key).is_boolean()) wrong_type(key, "true or false");
  return at(key).get<bool>();
}

bool Settings::boolean(const std::string& key, bool otherwise) const {
  return has(key) ? boolean(key) : otherwise;
}

std::uint64_t Settings::number(const std::string& key, std::uint64_t otherwise) const {
  if (!has(key)) return otherwise;
  if (!at(key).is_number_integer() || at(key).get<std::int64_t>() < 0) wrong_type(key, "a whole number");
  return at(key).get<std::uint64_t>();
}

Settings Settings::object(const std::string& key) const { return {at(key), origin_ + "." + key}; }

std::vector<Settings> Settings::objects(const std::string& key) const {
  if (!at(key).is_array()) wrong_type(key, "a list");
  std::vector<Settings> list;
  list.reserve(at(key).size());
  for (const nlohmann::json& element : at(key))
    list.emplace_back(element, origin_ + "." + key + "[" + std::to_string(list.size()) + "]");
  return list;
}

Regex Settings::pattern(const std::string& key) const {
  const Settings pattern = object(key);
  if (pattern.has("String")) return Regex::literal(pattern.string("String"), pattern.origin());
  return {pattern.string("Regex"), pattern.origin()};
}

}  // namespace mhub::text
