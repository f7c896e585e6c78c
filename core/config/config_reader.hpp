// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace mhub {

/// Typed access to a Hugging Face config.json (or a part of it). Every getter throws InputError that names
/// the file, the key, what was expected and what was found. A missing or null key takes the default; that is
/// how transformers reads a config too (it leaves out keys at their default when it saves one).
class ConfigReader {
 public:
  /// `file` is for messages; `json` must be an object.
  ConfigReader(nlohmann::json json, std::string file);

  bool has(const std::string& key) const;
  std::int64_t integer(const std::string& key, std::optional<std::int64_t> fallback = {}) const;
  /// No model's size comes near this; it keeps every later product of two sizes inside 64 bits.
  static constexpr std::int64_t kLargestSize = std::int64_t{1} << 31;
  /// An integer of 1 .. kLargestSize.
  std::int64_t positive(const std::string& key, std::optional<std::int64_t> fallback = {}) const;
  double number(const std::string& key, std::optional<double> fallback = {}) const;
  bool boolean(const std::string& key, std::optional<bool> fallback = {}) const;
  std::string string(const std::string& key, std::optional<std::string> fallback = {}) const;
  std::vector<std::string> strings(const std::string& key) const;
  std::vector<std::int64_t> integers(const std::string& key) const;
  std::vector<double> numbers(const std::string& key) const;
  /// A nested object; empty when the key is missing.
  ConfigReader object(const std::string& key) const;

  /// Refuses a config in which a field that changes the mathematics has a value that the mapping does not
  /// cover.
  void require(const std::string& key, const nlohmann::json& only_value) const;

  const nlohmann::json& json() const { return json_; }
  const std::string& file() const { return file_; }
  /// An InputError about a key of this config.
  [[noreturn]] void fail(const std::string& key, const std::string& what) const;

 private:
  const nlohmann::json* find(const std::string& key) const;

  nlohmann::json json_;
  std::string file_;
};

}  // namespace mhub
