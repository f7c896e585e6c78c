// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/json.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>
#include <vector>

#include <boost/algorithm/string/replace.hpp>
#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

namespace mhub {
namespace {

/// The key that an object has twice. Throws for it.
template <typename Json>
[[noreturn]] void refuse_twin(std::string_view text, const std::string& file) {
  std::vector<std::set<std::string>> keys;
  const auto look = [&](int, typename Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.template get<std::string>()).second)
      throw InputError(file + ": key \"" + parsed.template get<std::string>() + "\" is there twice");
    return true;
  };
  [[maybe_unused]] const Json parsed = Json::parse(text, look);
  throw std::logic_error(file + ": an object with fewer values than keys has no key twice");
}

template <typename Json>
Json parse(std::string_view text, const std::string& file) {
  constexpr int kDeepest = 128;
  // nlohmann keeps the last of two equal keys; a config that says a thing twice is refused here. An object
  // then has fewer values than keys came, which costs nothing to see: an index of weights has 100,000.
  std::vector<std::size_t> keys;
  auto check = [&](int depth, typename Json::parse_event_t event, Json& parsed) {
    if (depth > kDeepest)
      throw InputError(file + ": JSON nested deeper than " + std::to_string(kDeepest) + " levels");
    if (event == Json::parse_event_t::object_start) keys.push_back(0);
    if (event == Json::parse_event_t::key) ++keys.back();
    if (event == Json::parse_event_t::object_end) {
      if (keys.back() != parsed.size()) refuse_twin<Json>(text, file);
      keys.pop_back();
    }
    return true;
  };
  require_no_nul(text, file);
  try {
    return Json::parse(text, check);
  } catch (const nlohmann::detail::exception& error) {
    throw InputError(file + ": not valid JSON: " + json_problem(error.what()));
  }
}

constexpr std::string_view kFloatTag = "__float__";
constexpr std::array<std::string_view, 3> kSpecialFloats{"-Infinity", "Infinity", "NaN"};

std::string tagged(std::string_view number) {
  return "{\"" + std::string(kFloatTag) + "\": \"" + std::string(number) + "\"}";
}

/// `text` with every special number outside of strings as an object.
std::string tag_special_floats(std::string_view text) {
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t taken = 1;
    std::string_view special;
    if (in_string) {
      if (text[i] == '\\') taken = std::min<std::size_t>(2, text.size() - i);
    } else {
      for (const std::string_view one : kSpecialFloats) {
        if (text.substr(i).starts_with(one)) special = one;
      }
    }
    if (text[i] == '"') in_string = !in_string;
    if (!special.empty()) taken = special.size();
    out += special.empty() ? std::string(text.substr(i, taken)) : tagged(special);
    i += taken;
  }
  return out;
}

/// What stands for a special number until the text is written: no config holds a control character.
std::string placeholder(std::string_view number) { return '\x01' + std::string(number); }

nlohmann::json with_placeholders(nlohmann::json value) {
  if (value.is_object() && value.size() == 1 && value.contains(kFloatTag) && value[kFloatTag].is_string()) {
    for (const std::string_view one : kSpecialFloats) {
      if (value[kFloatTag] == one) return placeholder(one);
    }
  }
  if (!value.is_structured()) return value;
  for (nlohmann::json& child : value) child = with_placeholders(std::move(child));
  return value;
}

}  // namespace

std::string json_problem(const std::string& what) {
  const std::size_t close = what.find("] ");  // "[json.exception.parse_error.101] parse error at ..."
  return close == std::string::npos ? what : what.substr(close + 2);
}

void require_no_nul(std::string_view text, const std::string& file) {
  if (const std::size_t at = text.find('\0'); at != text.npos)
    throw InputError(file + ": not valid JSON: byte " + std::to_string(at) + " is NUL");
}

nlohmann::json parse_config(std::string_view text, const std::string& file) {
  return parse<nlohmann::json>(tag_special_floats(text), file);
}

std::string config_text(const nlohmann::json& config) {
  std::string text = json_text(with_placeholders(config), 2) + "\n";
  for (const std::string_view one : kSpecialFloats)
    boost::replace_all(text, json_text(placeholder(one)), one);
  return text;
}

nlohmann::json parse_json(std::string_view text, const std::string& file) {
  return parse<nlohmann::json>(text, file);
}

nlohmann::ordered_json parse_ordered_json(std::string_view text, const std::string& file) {
  return parse<nlohmann::ordered_json>(text, file);
}

std::string json_text(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

nlohmann::json parse_json_file(const std::string& path, std::uint64_t limit) {
  return parse_json(read_file(path, limit), path);
}

}  // namespace mhub
