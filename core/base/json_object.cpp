// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/json_object.hpp"

#include <algorithm>
#include <cmath>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"

namespace mhub {

template <typename Value>
struct JsonObject::Type {
  const char* name;  ///< of one value in a getter, of several in a list
  bool (*is)(const nlohmann::json&);
};

namespace {

bool is_integer(const nlohmann::json& value) {
  return value.is_number_integer() &&
         !(value.is_number_unsigned() && value.get<std::uint64_t>() > (std::uint64_t{1} << 62));
}
bool is_number(const nlohmann::json& value) {
  return value.is_number() && std::isfinite(value.get<double>());
}
bool is_boolean(const nlohmann::json& value) { return value.is_boolean(); }
bool is_string(const nlohmann::json& value) { return value.is_string(); }

}  // namespace

JsonObject::JsonObject(std::shared_ptr<const nlohmann::json> json, std::string origin)
    : json_(std::move(json)), origin_(std::move(origin)) {
  if (!json_->is_object()) fail(std::string("expected a JSON object, found ") + json_->type_name());
}

void JsonObject::fail(const std::string& message) const { throw InputError(origin_ + ": " + message); }
void JsonObject::fail(const std::string& key, const std::string& what) const { fail(key + ": " + what); }

void JsonObject::wrong(const std::string& key, const std::string& expected) const {
  const nlohmann::json* value = find(key);
  fail(key, "expected " + expected + ", found " + (value == nullptr ? "nothing" : shown(*value)));
}

std::string JsonObject::shown(const nlohmann::json& value) {
  std::string text = json_text(value);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

const nlohmann::json* JsonObject::find(const std::string& key) const {
  const auto it = json_->find(key);
  return it == json_->end() || it->is_null() ? nullptr : &*it;
}

template <typename Value>
Value JsonObject::one(const std::string& key, const Type<Value>& type, std::optional<Value> fallback) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr || !type.is(*value)) wrong(key, type.name);
  return value->get<Value>();
}

template <typename Value>
std::vector<Value> JsonObject::list(const std::string& key, const Type<Value>& type) const {
  const nlohmann::json* values = find(key);
  if (values == nullptr) return {};
  if (!values->is_array() || !std::all_of(values->begin(), values->end(), type.is))
    wrong(key, std::string("a list of ") + type.name);
  return values->get<std::vector<Value>>();
}

std::int64_t JsonObject::integer(const std::string& key, std::optional<std::int64_t> fallback) const {
  return one<std::int64_t>(key, {"an integer", is_integer}, fallback);
}
double JsonObject::number(const std::string& key, std::optional<double> fallback) const {
  return one<double>(key, {"a number", is_number}, fallback);
}
bool JsonObject::boolean(const std::string& key, std::optional<bool> fallback) const {
  return one<bool>(key, {"true or false", is_boolean}, fallback);
}
std::string JsonObject::string(const std::string& key, std::optional<std::string> fallback) const {
  return one<std::string>(key, {"a string", is_string}, std::move(fallback));
}

std::vector<std::int64_t> JsonObject::integers(const std::string& key) const {
  return list<std::int64_t>(key, {"integers", is_integer});
}
std::vector<double> JsonObject::numbers(const std::string& key) const {
  return list<double>(key, {"numbers", is_number});
}
std::vector<std::string> JsonObject::strings(const std::string& key) const {
  return list<std::string>(key, {"strings", is_string});
}

}  // namespace mhub
