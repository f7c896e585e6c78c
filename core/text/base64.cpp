// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/base64.hpp"

#include <cstdint>

#include "mhub/base/error.hpp"

namespace mhub::text {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string decode_base64(std::string_view text, const std::string& origin) {
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  for (std::size_t i = 0; i < text.size() - padding; ++i) {
    const std::size_t digit = kDigits.find(text[i]);
    if (digit == std::string_view::npos)
      throw InputError(origin + ": not base64 at character " + std::to_string(i));
    group = group << 6 | static_cast<std::uint32_t>(digit);
    if (i % 4 == 1) bytes.push_back(static_cast<char>(group >> 4));
    if (i % 4 == 2) bytes.push_back(static_cast<char>(group >> 2));
    if (i % 4 == 3) bytes.push_back(static_cast<char>(group));
  }
  if (text.size() % 4 != 0)
    throw InputError(origin + ": base64 text of " + std::to_string(text.size()) + " characters");
  return bytes;
}

std::string encode_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      text.push_back(i + k > bytes.size() ? '=' : kDigits[group >> (18 - 6 * k) & 63]);
  }
  return text;
}

}  // namespace mhub::text
