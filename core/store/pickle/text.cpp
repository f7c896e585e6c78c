// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "mhub/base/utf8.hpp"
#include "mhub/store/pickle/pickle.hpp"

namespace mhub {
namespace {

std::optional<std::uint32_t> hexadecimal(std::string_view digits) {
  std::uint32_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size())
    return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::string> unescape_repr(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out += text[at];
      continue;
    }
    if (++at == text.size()) return std::nullopt;
    switch (text[at]) {
      case '\\':
      case '\'':
      case '"': out += text[at]; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'x': {
        const auto value = hexadecimal(text.substr(at + 1, 2));
        if (!value || text.size() - at < 3) return std::nullopt;
        out += static_cast<char>(*value);
        at += 2;
        break;
      }
      default: return std::nullopt;
    }
  }
  return out;
}

std::optional<std::string> unescape_unicode(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool escape =
        text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == 'u' || text[at + 1] == 'U');
    if (!escape) {
      append_character(out, static_cast<unsigned char>(text[at]));
      continue;
    }
    const std::size_t digits = text[at + 1] == 'u' ? 4 : 8;
    const auto code = hexadecimal(text.substr(at + 2, digits));
    if (!code || text.size() - at < digits + 2 || *code > 0x10ffff) return std::nullopt;
    append_character(out, *code);
    at += digits + 1;
  }
  return out;
}

}  // namespace mhub
