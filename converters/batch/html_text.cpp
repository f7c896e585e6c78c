// SPDX-License-Identifier: Apache-2.0
#include "html_text.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "converters/terminal.hpp"

namespace mhub::converters {

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : printable_text(text)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string html_link(const std::string& file, const std::string& from_folder) {
  namespace fs = std::filesystem;
  const fs::path path = fs::absolute(file).lexically_normal();
  const fs::path relative = path.lexically_relative(fs::absolute(from_folder).lexically_normal());
  const std::string text = (relative.empty() ? path : relative).generic_string();
  // In front of what could be read as a scheme.
  std::string out = text.starts_with('/') || text.starts_with('.') ? "" : "./";
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '/' || c == '.' || c == '_' || c == '-' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    std::array<char, 4> code{};
    std::snprintf(code.data(), code.size(), "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += code.data();
  }
  return out;
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long>(std::lround(seconds));
  if (seconds > 0 && seconds < 0.005) return "<0.01 s";
  if (seconds < 10) return number_text(seconds, 2) + " s";
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

std::string number_text(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  std::string out = text.data();
  if (out.find('.') == out.npos) return out;
  while (out.back() == '0') out.pop_back();
  if (out.back() == '.') out.pop_back();
  return out;
}

}  // namespace mhub::converters
