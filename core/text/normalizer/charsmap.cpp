// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/normalizer/charsmap.hpp"

#include <cstring>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"

namespace mhub::text {
namespace {

// A unit of Darts-clone (darts.h, DoubleArrayUnit).
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
std::uint32_t value(std::uint32_t unit) { return unit & 0x7FFFFFFF; }
std::uint32_t label(std::uint32_t unit) { return unit & (0x80000000u | 0xFF); }
std::uint32_t offset(std::uint32_t unit) { return (unit >> 10) << ((unit & 0x200) >> 6); }

}  // namespace

CharsMap::CharsMap(std::string_view blob, const std::string& origin) {
  std::uint32_t trie_bytes = 0;
  if (blob.size() >= 4) std::memcpy(&trie_bytes, blob.data(), 4);
  if (blob.size() < 4 || trie_bytes > blob.size() - 4 || trie_bytes % 4 != 0 || trie_bytes == 0)
    throw InputError(origin + ": the precompiled charsmap is damaged: it has " + std::to_string(blob.size()) +
                     " bytes and announces a trie of " + std::to_string(trie_bytes));
  units_.resize(trie_bytes / 4);
  std::memcpy(units_.data(), blob.data() + 4, trie_bytes);
  replacements_ = blob.substr(4 + trie_bytes);
  if (!is_utf8(replacements_))
    throw InputError(origin + ": the replacements of the precompiled charsmap are not UTF-8");
  for (std::size_t c = 1; c < ascii_.size(); ++c) {
    const char text = static_cast<char>(c);
    ascii_[c] = find({&text, 1});
  }
}

std::optional<std::string_view> CharsMap::replacement(std::string_view text) const {
  // A NUL ends keys of the trie, so it begins none.
  if (text.size() == 1 && static_cast<unsigned char>(text[0]) < 0x80)
    return ascii_[static_cast<unsigned char>(text[0])];
  return find(text);
}

std::optional<std::string_view> CharsMap::find(std::string_view text) const {
  std::uint32_t node = offset(units_[0]);
  for (const char c : text) {
    const std::uint32_t byte = static_cast<unsigned char>(c);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || label(units_[node]) != byte) return std::nullopt;
    const std::uint32_t unit = units_[node];
    node ^= offset(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size()) return std::nullopt;
    const std::size_t begin = value(units_[node]);
    if (begin >= replacements_.size()) return std::nullopt;
    // An offset inside a character would break the text's UTF-8.
    if ((static_cast<unsigned char>(replacements_[begin]) & 0xC0) == 0x80) return std::nullopt;
    return std::string_view(replacements_.c_str() + begin);
  }
  return std::nullopt;
}

}  // namespace mhub::text
