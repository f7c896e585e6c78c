// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/base/json_object.hpp"
#include "mhub/text/regex.hpp"

namespace mhub::text {

/// One JSON object of a tokenizer file. A view: the JSON must outlive it.
class Settings : public JsonObject {
 public:
  Settings(const nlohmann::json& object, std::string origin);

  std::optional<std::string> find_string(const std::string& key) const;
  /// A string of exactly one character.
  char32_t character(const std::string& key) const;
  std::uint64_t count(const std::string& key, std::uint64_t fallback) const;
  /// Nested ones, which must be there.
  Settings object(const std::string& key) const;
  std::vector<Settings> objects(const std::string& key) const;
  /// {"String": literal} or {"Regex": expression}.
  Regex pattern(const std::string& key) const;
};

}  // namespace mhub::text
