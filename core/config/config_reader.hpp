// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "mhub/base/json_object.hpp"

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
  std::int64_t integer(const std::string& key, std::optional<std::int64_t> fallback = {}) const;
  std::vector<std::int64_t> integers(const std::string& key) const;
  /// An integer of 1 .. kLargestSize.
  std::int64_t positive(const std::string& key, std::optional<std::int64_t> fallback = {}) const;
  /// A nested object; empty when the key is missing.
  ConfigReader object(const std::string& key) const;

  /// Refuses a config in which a field that changes the mathematics has a value that the mapping does not
  /// cover.
  void require(const std::string& key, const nlohmann::json& only_value) const;

  const std::string& file() const { return origin(); }

 private:
  explicit ConfigReader(JsonObject part) : JsonObject(std::move(part)) {}
};

}  // namespace mhub
