#include "mhub/base/json.hpp"

#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

namespace mhub {
namespace {

template <typename Json>
Json parse(std::string_view text, const std::string& file) {
  constexpr int kDeepest = 128;
  // nlohmann keeps the last of two equal keys; a config that says a thing twice is refused here.
  std::vector<std::set<std::string>> keys;
  auto check = [&](int depth, typename Json::parse_event_t event, Json& parsed) {
    if (depth > kDeepest)
      throw InputError(file + ": JSON nested deeper than " + std::to_string(kDeepest) + " levels");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.template get<std::string>()).second) {
      throw InputError(file + ": key \"" + parsed.template get<std::string>() + "\" is there twice");
    }
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const nlohmann::detail::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..." without the tag
    const std::string what = error.what();
    const std::size_t close = what.find("] ");
    throw InputError(file +
                     ": not valid JSON: " + (close == std::string::npos ? what : what.substr(close + 2)));
  }
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& file) {
  return parse<nlohmann::json>(text, file);
}

nlohmann::ordered_json parse_ordered_json(std::string_view text, const std::string& file) {
  return parse<nlohmann::ordered_json>(text, file);
}

nlohmann::json parse_json_file(const std::string& path, std::uint64_t limit) {
  return parse_json(read_file(path, limit), path);
}

}  // namespace mhub
