// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/field_binding.hpp"

namespace mhub {

template <typename T, typename Read>
void FieldBinding::pass(const std::string& key, T& value, const Read& read) {
  if (!reading_) {
    written_[key] = value;
  } else if (reader_.has(key)) {
    value = read();
  }
}

void FieldBinding::integer(const std::string& key, std::int64_t& value) {
  pass(key, value, [&] { return reader_.integer(key); });
}

void FieldBinding::positive(const std::string& key, std::int64_t& value) {
  pass(key, value, [&] { return reader_.positive(key); });
}

void FieldBinding::number(const std::string& key, double& value) {
  pass(key, value, [&] { return reader_.number(key); });
}

void FieldBinding::boolean(const std::string& key, bool& value) {
  pass(key, value, [&] { return reader_.boolean(key); });
}

void FieldBinding::text(const std::string& key, std::string& value) {
  pass(key, value, [&] { return reader_.string(key); });
}

void FieldBinding::integers(const std::string& key, std::vector<std::int64_t>& value) {
  pass(key, value, [&] { return reader_.integers(key); });
}

void FieldBinding::numbers(const std::string& key, std::vector<double>& value) {
  pass(key, value, [&] { return reader_.numbers(key); });
}

void FieldBinding::optional(const std::string& key, std::optional<std::int64_t>& value) {
  if (!reading_) {
    written_[key] = value ? nlohmann::json(*value) : nlohmann::json();
  } else if (reader_.has(key)) {
    value = reader_.integer(key);
  }
}

void FieldBinding::optional(const std::string& key, std::optional<double>& value) {
  if (!reading_) {
    written_[key] = value ? nlohmann::json(*value) : nlohmann::json();
  } else if (reader_.has(key)) {
    value = reader_.number(key);
  }
}

void FieldBinding::constant(const std::string& key, nlohmann::json value) {
  if (!reading_) written_[key] = std::move(value);
}

}  // namespace mhub
