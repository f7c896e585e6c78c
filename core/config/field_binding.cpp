// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/field_binding.hpp"

namespace mhub {

void FieldBinding::integer(const std::string& key, std::int64_t& value) {
  if (reading_) {
    value = reader_.integer(key, value);
  } else {
    written_[key] = value;
  }
}

void FieldBinding::positive(const std::string& key, std::int64_t& value) {
  if (!reading_) {
    written_[key] = value;
  } else if (reader_.has(key)) {
    value = reader_.positive(key);
  }
}

void FieldBinding::number(const std::string& key, double& value) {
  if (reading_) {
    value = reader_.number(key, value);
  } else {
    written_[key] = value;
  }
}

void FieldBinding::boolean(const std::string& key, bool& value) {
  if (reading_) {
    value = reader_.boolean(key, value);
  } else {
    written_[key] = value;
  }
}

void FieldBinding::text(const std::string& key, std::string& value) {
  if (reading_) {
    value = reader_.string(key, value);
  } else {
    written_[key] = value;
  }
}

void FieldBinding::integers(const std::string& key, std::vector<std::int64_t>& value) {
  if (!reading_) {
    written_[key] = value;
  } else if (reader_.has(key)) {
    value = reader_.integers(key);
  }
}

void FieldBinding::numbers(const std::string& key, std::vector<double>& value) {
  if (!reading_) {
    written_[key] = value;
  } else if (reader_.has(key)) {
    value = reader_.numbers(key);
  }
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
