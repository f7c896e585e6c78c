// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace mhub {

/// One JSON object of a file, read with checked types. Every getter throws InputError that names the file,
/// the key, what was expected and what was found. A null counts as missing, and what is missing takes the
/// fallback, if there is one. Cheap to copy: copies and nested objects share the document.
class JsonObject {
 public:
  /// `origin`, the file and the path of keys in it, is for messages.
  JsonObject(std::shared_ptr<const nlohmann::json> json, std::string origin);

  bool has(const std::string& key) const { return find(key) != nullptr; }
  std::int64_t integer(const std::string& key, std::optional<std::int64_t> fallback = {}) const;
  double number(const std::string& key, std::optional<double> fallback = {}) const;
  bool boolean(const std::string& key, std::optional<bool> fallback = {}) const;
  std::string string(const std::string& key, std::optional<std::string> fallback = {}) const;
  /// Lists; empty when the key is missing.
  std::vector<std::string> strings(const std::string& key) const;
  std::vector<std::int64_t> integers(const std::string& key) const;
  std::vector<double> numbers(const std::string& key) const;

  const nlohmann::json& json() const { return *json_; }
  const std::string& origin() const { return origin_; }
  /// InputError that begins with the origin, or with that and a key.
  [[noreturn]] void fail(const std::string& message) const;
  [[noreturn]] void fail(const std::string& key, const std::string& what) const;

 protected:
  /// Null when it is missing.
  const nlohmann::json* find(const std::string& key) const;
  /// A part of the document, which lives as long as that.
  std::shared_ptr<const nlohmann::json> share(const nlohmann::json& part) const { return {json_, &part}; }
  [[noreturn]] void wrong(const std::string& key, const std::string& expected) const;
  /// The beginning of a value's text, for messages.
  static std::string shown(const nlohmann::json& value);

 private:
  template <typename Value>
  struct Type;
  template <typename Value>
  Value one(const std::string& key, const Type<Value>& type, std::optional<Value> fallback) const;
  template <typename Value>
  std::vector<Value> list(const std::string& key, const Type<Value>& type) const;

  std::shared_ptr<const nlohmann::json> json_;
  std::string origin_;
};

}  // namespace mhub
