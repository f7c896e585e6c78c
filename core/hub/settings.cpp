// SPDX-License-Identifier: Apache-2.0
// Every rule here is huggingface_hub's (constants.py, utils/_auth.py), but that it takes an empty variable as
// a value, and the current folder for a cache then.
#include "mhub/hub/settings.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

namespace mhub {
namespace {

constexpr std::uint64_t kLongestToken = 1 << 16;

class Environment {
 public:
  explicit Environment(HubSettings::Variables variables) : variables_(std::move(variables)) {
    if (!variables_) variables_ = [](const char* name) { return std::getenv(name); };
  }
  std::string get(const char* name) const {
    const char* value = variables_(name);
    return value == nullptr ? std::string() : std::string(value);
  }
  std::string first(std::initializer_list<const char*> names) const {
    for (const char* name : names) {
      if (std::string value = get(name); !value.empty()) return value;
    }
    return {};
  }
  /// ENV_VARS_TRUE_VALUES
  bool is_true(const char* name) const {
    std::string value = get(name);
    std::transform(value.begin(), value.end(), value.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
  }
  /// os.path.expanduser, then os.path.expandvars: "~/x", "$NAME/x", "${NAME}/x"; an unknown variable stays.
  fs::path path(const std::string& text) const {
    std::string rest = text, out;
    if (rest == "~" || rest.starts_with("~/")) rest = get("HOME") + rest.substr(1);
    for (std::size_t at = 0; at < rest.size();) {
      const bool braces = rest.compare(at, 2, "${") == 0;
      const std::size_t begin = at + (braces ? 2 : 1);
      std::size_t end = begin;
      while (end < rest.size() &&
             (std::isalnum(static_cast<unsigned char>(rest[end])) != 0 || rest[end] == '_'))
        ++end;
      const bool closed = !braces || (end < rest.size() && rest[end] == '}');
      const char* value = rest[at] == '$' && end > begin && closed
                              ? variables_(rest.substr(begin, end - begin).c_str())
                              : nullptr;
      if (value == nullptr) {
        out += rest[at++];
      } else {
        out += value;
        at = end + (braces ? 1 : 0);
      }
    }
    return out;
  }

 private:
  HubSettings::Variables variables_;
};

/// _clean_token
std::string cleaned(std::string text) {
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n'; });
  constexpr std::string_view kSpaces = " \t\v\f";
  text.erase(0, std::min(text.find_first_not_of(kSpaces), text.size()));
  text.erase(text.find_last_not_of(kSpaces) + 1);
  return text;
}

void take_token(HubSettings& settings, const Environment& variables, const fs::path& home) {
  if (variables.is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return;
  std::string token;
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    token = cleaned(variables.get(name));
    settings.token_place = name;
    if (!token.empty()) break;
  }
  if (token.empty()) {
    const std::string given = variables.get("HF_TOKEN_PATH");
    const fs::path file = given.empty() ? home / "token" : variables.path(given);
    settings.token_place = file.string();
    std::error_code error;
    if (fs::is_regular_file(file, error)) token = cleaned(read_file(file.string(), kLongestToken));
  }
  if (token.empty()) {
    settings.token_place.clear();
    return;
  }
  // It becomes part of a header's line.
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; }))
    throw UsageError(settings.token_place + ": expected a token of the Hub, found characters that none has");
  settings.token = std::move(token);
}

}  // namespace

HubSettings HubSettings::from_environment(const Variables& variables) {
  const Environment environment(variables);
  HubSettings settings;
  const std::string xdg = environment.get("XDG_CACHE_HOME"), home = environment.get("HF_HOME");
  const fs::path default_home =
      environment.path((xdg.empty() ? std::string("~/.cache") : xdg) + "/huggingface");
  const fs::path hf_home = home.empty() ? default_home : environment.path(home);
  const std::string cache = environment.first({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"});
  settings.cache = cache.empty() ? hf_home / "hub" : environment.path(cache);
  settings.endpoint = environment.first({"HF_ENDPOINT"});
  if (settings.endpoint.empty()) settings.endpoint = "https://huggingface.co";
  while (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();
  if (!settings.endpoint.starts_with("https://") && !settings.endpoint.starts_with("http://"))
    throw UsageError("HF_ENDPOINT: expected https://HOST, found \"" + settings.endpoint + "\"");
  settings.offline = environment.is_true(environment.get("HF_HUB_OFFLINE").empty() ? "TRANSFORMERS_OFFLINE"
                                                                                   : "HF_HUB_OFFLINE");
  if (const std::string text = environment.get("HF_HUB_DOWNLOAD_TIMEOUT"); !text.empty()) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), settings.patience);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || settings.patience < 1)
      throw UsageError("HF_HUB_DOWNLOAD_TIMEOUT: expected a number of seconds, found \"" + text + "\"");
  }
  take_token(settings, environment, hf_home);
  return settings;
}

}  // namespace mhub
