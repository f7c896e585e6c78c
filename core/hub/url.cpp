// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/url.hpp"

#include <algorithm>
#include <cctype>

namespace mhub {
namespace {

/// Where the authority (host and port) of an absolute address begins and ends.
std::pair<std::size_t, std::size_t> authority(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {0, 0};
  const std::size_t begin = scheme + 3;
  return {begin, std::min(url.find_first_of("/?#", begin), url.size())};
}

}  // namespace

std::string origin_of(std::string_view url) {
  const auto [begin, end] = authority(url);
  std::string origin(url.substr(0, end));
  // A name before '@' would make another host look like this one.
  if (const std::size_t at = origin.find('@', begin); at != std::string::npos)
    origin.erase(begin, at + 1 - begin);
  std::transform(origin.begin(), origin.end(), origin.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (origin.starts_with("https://") && origin.ends_with(":443")) origin.resize(origin.size() - 4);
  if (origin.starts_with("http://") && origin.ends_with(":80")) origin.resize(origin.size() - 3);
  return origin;
}

std::string host_of(std::string_view url) {
  const std::string origin = origin_of(url);
  const std::size_t scheme = origin.find("://");
  return scheme == std::string::npos ? origin : origin.substr(scheme + 3);
}

std::string shown_url(std::string_view url) {
  const auto [begin, end] = authority(url);
  const std::size_t at = url.substr(0, end).rfind('@');
  std::string shown(url);
  if (at != std::string_view::npos && at >= begin) shown.erase(begin, at + 1 - begin);
  return shown;
}

std::string joined_url(std::string_view base, std::string_view location) {
  if (location.find("://") < location.find_first_of("/?#")) return std::string(location);
  if (location.starts_with("//")) return std::string(base.substr(0, base.find("//"))) + std::string(location);
  const auto [begin, end] = authority(base);
  if (location.starts_with('/')) return std::string(base.substr(0, end)) + std::string(location);
  const std::string_view path = base.substr(0, std::min(base.find_first_of("?#", end), base.size()));
  const std::size_t slash = path.rfind('/');
  const bool none = slash == std::string_view::npos || slash < end;
  return std::string(none ? path : path.substr(0, slash)) + "/" + std::string(location);
}

std::string quoted_url(std::string_view text, bool keep_slashes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        (std::isalnum(byte) != 0 && byte < 0x80) || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain || (c == '/' && keep_slashes)) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

std::string next_link(std::string_view header) {
  for (std::size_t at = header.find('<'); at != std::string_view::npos; at = header.find('<', at + 1)) {
    const std::size_t close = header.find('>', at);
    if (close == std::string_view::npos) break;
    const std::string_view parameters = header.substr(close, header.find('<', close) - close);
    if (parameters.find("rel=\"next\"") != std::string_view::npos ||
        parameters.find("rel=next") != std::string_view::npos)
      return std::string(header.substr(at + 1, close - at - 1));
  }
  return {};
}

}  // namespace mhub
