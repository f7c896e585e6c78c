// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/text/regex.hpp"

namespace mhub::text {

/// One JSON object of a tokenizer file, read with checked types. Everything that is missing or of the wrong
/// type throws InputError, which names the file and the path of keys. A view: the JSON must outlive it.
class Settings {
 public:
  Settings(const nlohmann::json& object, std::string origin);

  /// File and path of keys, for errors.
  const std::string& origin() const { return origin_; }
  /// InputError that begins with the origin.
  [[noreturn]] void fail(const std::string& message) const;

  /// Present and not null.
  bool has(const std::string& key) const;
  std::string string(const std::string& key) const;
  std::optional<std::string> find_string(const std::string& key) const;
  /// A string of exactly one character.
  char32_t character(const std::string& key) const;
  bool boolean(const std::string& key) const;
  bool boolean(const std::string& key, bool otherwise) const;
  std::uint64_t number(const std::string& key, std::uint64_t otherwise) const;
  Settings object(const std::string& key) const;
  std::vector<Settings> objects(const std::string& key) const;
  /// {"String": literal} or {"Regex": expression}.
  Regex pattern(const std::string& key) const;
  const nlohmann::json& json() const { return json_; }

 private:
  const nlohmann::json& at(const std::string& key) const;
  [[noreturn]] void wrong_type(const std::string& key, const std::string& expected) const;

  const nlohmann::json& json_;
  std::string origin_;
};

}  // namespace mhub::text
