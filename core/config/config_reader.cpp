// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/config_reader.hpp"

#include <cmath>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

std::string shown(const nlohmann::json& value) {
  std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

}  // namespace

ConfigReader::ConfigReader(nlohmann::json json, std::string file)
    : json_(std::move(json)), file_(std::move(file)) {
  if (!json_.is_object()) throw InputError(file_ + ": expected a JSON object, found " + json_.type_name());
}

void ConfigReader::fail(const std::string& key, const std::string& what) const {
  throw InputError(file_ + ": " + key + ": " + what);
}

const nlohmann::json* ConfigReader::find(const std::string& key) const {
  const auto it = json_.find(key);
  return it == json_.end() || it->is_null() ? nullptr : &*it;
}

bool ConfigReader::has(const std::string& key) const { return find(key) != nullptr; }

std::int64_t ConfigReader::integer(const std::string& key, std::optional<std::int64_t> fallback) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr) fail(key, "expected an integer, found nothing");
  if (value->is_number_integer() &&
      !(value->is_number_unsigned() && value->get<std::uint64_t>() > (std::uint64_t{1} << 62))) {
    return value->get<std::int64_t>();
  }
  fail(key, "expected an integer, found " + shown(*value));
}

std::int64_t ConfigReader::positive(const std::string& key, std::optional<std::int64_t> fallback) const {
  const std::int64_t value = integer(key, fallback);
  if (value < 1 || value > kLargestSize) fail(key, "expected 1 .. 2^31, found " + std::to_string(value));
  return value;
}

double ConfigReader::number(const std::string& key, std::optional<double> fallback) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr) fail(key, "expected a number, found nothing");
  if (!value->is_number() || !std::isfinite(value->get<double>()))
    fail(key, "expected a number, found " + shown(*value));
  return value->get<double>();
}

bool ConfigReader::boolean(const std::string& key, std::optional<bool> fallback) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr) fail(key, "expected true or false, found nothing");
  if (!value->is_boolean()) fail(key, "expected true or false, found " + shown(*value));
  return value->get<bool>();
}

std::string ConfigReader::string(const std::string& key, std::optional<std::string> fallback) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr) fail(key, "expected a string, found nothing");
  if (!value->is_string()) fail(key, "expected a string, found " + shown(*value));
  return value->get<std::string>();
}

std::vector<std::string> ConfigReader::strings(const std::string& key) const {
  const nlohmann::json* value = find(key);
  std::vector<std::string> list;
  if (value == nullptr) return list;
  if (!value->is_array()) fail(key, "expected a list of strings, found " + shown(*value));
  for (const nlohmann::json& one : *value) {
    if (!one.is_string()) fail(key, "expected a list of strings, found " + shown(*value));
    list.push_back(one.get<std::string>());
  }
  return list;
}

std::vector<std::int64_t> ConfigReader::integers(const std::string& key) const {
  const nlohmann::json* value = find(key);
  std::vector<std::int64_t> list;
  if (value == nullptr) return list;
  if (!value->is_array()) fail(key, "expected a list of integers, found " + shown(*value));
  for (const nlohmann::json& one : *value) {
    if (!one.is_number_integer()) fail(key, "expected a list of integers, found " + shown(*value));
    list.push_back(one.get<std::int64_t>());
  }
  return list;
}

std::vector<double> ConfigReader::numbers(const std::string& key) const {
  const nlohmann::json* value = find(key);
  std::vector<double> list;
  if (value == nullptr) return list;
  if (!value->is_array()) fail(key, "expected a list of numbers, found " + shown(*value));
  for (const nlohmann::json& one : *value) {
    if (!one.is_number() || !std::isfinite(one.get<double>()))
      fail(key, "expected a list of numbers, found " + shown(*value));
    list.push_back(one.get<double>());
  }
  return list;
}

ConfigReader ConfigReader::object(const std::string& key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return {nlohmann::json::object(), file_};
  if (!value->is_object()) fail(key, "expected an object, found " + shown(*value));
  return {*value, file_ + ": " + key};
}

void ConfigReader::require(const std::string& key, const nlohmann::json& only_value) const {
  const nlohmann::json* value = find(key);
  if (value != nullptr && *value != only_value) {
    throw InputError(file_ + ": unsupported: " + key + "=" + shown(*value) + " (only " + shown(only_value) +
                     " is)");
  }
}

}  // namespace mhub
