// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/config_reader.hpp"

#include <memory>

namespace mhub {

ConfigReader::ConfigReader(nlohmann::json json, std::string file)
    : JsonObject(std::make_shared<const nlohmann::json>(std::move(json)), std::move(file)) {}

std::int64_t ConfigReader::integer(const std::string& key, std::optional<std::int64_t> fallback) const {
  const std::int64_t value = JsonObject::integer(key, fallback);
  if (value < -kLargestSize || value > kLargestSize)
    fail(key, "expected an integer of at most 2^28, found " + std::to_string(value));
  return value;
}

std::vector<std::int64_t> ConfigReader::integers(const std::string& key) const {
  std::vector<std::int64_t> values = JsonObject::integers(key);
  for (const std::int64_t value : values) {
    if (value < -kLargestSize || value > kLargestSize)
      fail(key, "expected integers of at most 2^28, found " + std::to_string(value));
  }
  return values;
}

std::int64_t ConfigReader::positive(const std::string& key, std::optional<std::int64_t> fallback) const {
  const std::int64_t value = integer(key, fallback);
  if (value < 1) fail(key, "expected 1 .. 2^28, found " + std::to_string(value));
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
