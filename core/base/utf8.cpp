// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

namespace mhub {
namespace {

/// How the bytes at the start of `text` (not empty) form a character: `length` bytes, well-formed or the
/// maximal part of one that is not.
struct Sequence {
  std::size_t length;
  bool valid;
};

Sequence first_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {1, true};
  if (lead < 0xC2 || lead > 0xF4) return {1, false};
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte has a narrower range behind some lead bytes (Unicode 15, table 3-7).
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= text.size() || byte(i) < low || byte(i) > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

std::size_t ascii_prefix(std::string_view text) {
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    if ((word & 0x8080808080808080ull) != 0) break;
  }
  while (i < text.size() && static_cast<unsigned char>(text[i]) < 0x80) ++i;
  return i;
}

}  // namespace

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  while (true) {
    at += ascii_prefix(text.substr(at));
    if (at == text.size()) return at;
    const Sequence sequence = first_sequence(text.substr(at));
    if (!sequence.valid) return at;
    at += sequence.length;
  }
}

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (true) {
    const std::size_t valid = valid_utf8_prefix(bytes);
    out.append(bytes.substr(0, valid));
    bytes.remove_prefix(valid);
    if (bytes.empty()) return out;
    append_character(out, kReplacementCharacter);
    bytes.remove_prefix(first_sequence(bytes).length);
  }
}

std::size_t edit_distance(std::string_view pattern, std::string_view name) {
  std::vector<std::size_t> row(name.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (const char p : pattern) {
    std::size_t diagonal = row[0];
    if (p != '*') ++row[0];
    for (std::size_t k = 1; k < row.size(); ++k) {
      const std::size_t above = row[k];
      const std::size_t change = diagonal + (p == '?' || p == name[k - 1] ? 0 : 1);
      row[k] = p == '*' ? std::min(above, row[k - 1]) : std::min({above + 1, row[k - 1] + 1, change});
      diagonal = above;
    }
  }
  return row.back();
}

std::string nearest_name(std::string_view wanted, const std::vector<std::string>& names) {
  wanted = wanted.substr(0, 256);  // who wrote more meant none of them
  const auto nearest =
      std::min_element(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
        return edit_distance(a, wanted) < edit_distance(b, wanted);
      });
  return nearest == names.end() ? "" : *nearest;
}

std::string near_name(std::string_view wanted, const std::vector<std::string>& names) {
  const std::string nearest = nearest_name(wanted, names);
  const std::size_t shorter = std::min(wanted.size(), nearest.size());
  const std::size_t distance = edit_distance(nearest, wanted.substr(0, 256));
  return distance <= std::max<std::size_t>(1, shorter / 4) && distance < shorter ? nearest : "";
}

}  // namespace mhub
