// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/config/choices.hpp"
#include "mhub/config/config_reader.hpp"

namespace mhub {

/// Named values of a config file that are declared once and travel both ways: each function reads its key
/// into `value` or writes `value` under its key. A missing or null key leaves `value` as it is, so that
/// member initialisers are the defaults. Reading throws InputError as ConfigReader does.
class FieldBinding {
 public:
  /// Reads from `json`.
  explicit FieldBinding(ConfigReader json) : reader_(std::move(json)) {}
  /// Writes.
  FieldBinding() : reader_(nlohmann::json::object(), ""), reading_(false) {}

  bool reading() const { return reading_; }
  /// What is read; empty when writing.
  const ConfigReader& reader() const { return reader_; }
  /// What has been written.
  const nlohmann::json& written() const { return written_; }

  void integer(const std::string& key, std::int64_t& value);
  /// An integer of at least 1.
  void positive(const std::string& key, std::int64_t& value);
  void number(const std::string& key, double& value);
  void boolean(const std::string& key, bool& value);
  void text(const std::string& key, std::string& value);
  /// The name of one of several; another name is refused.
  template <NamedChoice E>
  void choice(const std::string& key, E& value) {
    std::string name = name_of(value);
    text(key, name);
    const std::optional<E> known = find_named<E>(name);
    if (!known) reader_.fail(key, "unsupported: \"" + name + "\"");
    value = *known;
  }
  void integers(const std::string& key, std::vector<std::int64_t>& value);
  void numbers(const std::string& key, std::vector<double>& value);
  /// Absent values are written as null.
  void optional(const std::string& key, std::optional<std::int64_t>& value);
  void optional(const std::string& key, std::optional<double>& value);
  /// Writes a value that nothing reads back.
  void constant(const std::string& key, nlohmann::json value);

 private:
  template <typename T, typename Read>
  void pass(const std::string& key, T& value, const Read& read);

  ConfigReader reader_;
  nlohmann::json written_ = nlohmann::json::object();
  bool reading_ = true;
};

}  // namespace mhub
