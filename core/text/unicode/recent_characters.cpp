// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/unicode/recent_characters.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "mhub/base/utf8.hpp"

namespace mhub::text {
namespace {

using C = RecentCategory;

struct CharacterRange {
  char32_t first, last;
  RecentCategory category;
};

/// From UnicodeData.txt of Unicode 16, in ascending order.
constexpr CharacterRange kRecent[] = {
    {0x61D, 0x61D, C::Po},      {0x870, 0x887, C::Lo},      {0x888, 0x888, C::So},
    {0x889, 0x88E, C::Lo},      {0x890, 0x891, C::Cf},      {0x897, 0x89F, C::Mn},
    {0x8B5, 0x8B5, C::Lo},      {0x8C8, 0x8C8, C::Lo},      {0x8C9, 0x8C9, C::Lm},
    {0x8CA, 0x8D2, C::Mn},      {0xC3C, 0xC3C, C::Mn},      {0xC5D, 0xC5D, C::Lo},
    {0xCDD, 0xCDD, C::Lo},      {0xCF3, 0xCF3, C::Mc},      {0xECE, 0xECE, C::Mn},
    {0x170D, 0x170D, C::Lo},    {0x1715, 0x1715, C::Mc},    {0x171F, 0x171F, C::Lo},
    {0x180F, 0x180F, C::Mn},    {0x1AC1, 0x1ACE, C::Mn},    {0x1B4C, 0x1B4C, C::Lo},
    {0x1B4E, 0x1B4F, C::Po},    {0x1B7D, 0x1B7F, C::Po},    {0x1C89, 0x1C89, C::Lu},
    {0x1C8A, 0x1C8A, C::Ll},    {0x1DFA, 0x1DFA, C::Mn},    {0x20C0, 0x20C0, C::So},
    {0x2427, 0x2429, C::So},    {0x2C2F, 0x2C2F, C::Lu},    {0x2C5F, 0x2C5F, C::Ll},
    {0x2E53, 0x2E5D, C::Po},    {0x2FFC, 0x2FFF, C::So},    {0x31E4, 0x31E5, C::So},
    {0x31EF, 0x31EF, C::So},    {0x9FFD, 0x9FFF, C::Han},   {0xA7C0, 0xA7C0, C::Lu},
    {0xA7C1, 0xA7C1, C::Ll},    {0xA7CB, 0xA7CC, C::Lu},    {0xA7CD, 0xA7CD, C::Ll},
    {0xA7D0, 0xA7D0, C::Lu},    {0xA7D1, 0xA7D1, C::Ll},    {0xA7D3, 0xA7D3, C::Ll},
    {0xA7D5, 0xA7D5, C::Ll},    {0xA7D6, 0xA7D6, C::Lu},    {0xA7D7, 0xA7D7, C::Ll},
    {0xA7D8, 0xA7D8, C::Lu},    {0xA7D9, 0xA7D9, C::Ll},    {0xA7DA, 0xA7DA, C::Lu},
    {0xA7DB, 0xA7DB, C::Ll},    {0xA7DC, 0xA7DC, C::Lu},    {0xA7F2, 0xA7F4, C::Lm},
    {0xFBC2, 0xFBC2, C::So},    {0xFD40, 0xFD4F, C::So},    {0xFDCF, 0xFDCF, C::So},
    {0xFDFE, 0xFDFF, C::So},    {0x10570, 0x1057A, C::Lu},  {0x1057C, 0x1058A, C::Lu},
    {0x1058C, 0x10592, C::Lu},  {0x10594, 0x10595, C::Lu},  {0x10597, 0x105A1, C::Ll},
    {0x105A3, 0x105B1, C::Ll},  {0x105B3, 0x105B9, C::Ll},  {0x105BB, 0x105BC, C::Ll},
    {0x105C0, 0x105F3, C::Lo},  {0x10780, 0x10785, C::Lm},  {0x10787, 0x107B0, C::Lm},
    {0x107B2, 0x107BA, C::Lm},  {0x10D40, 0x10D49, C::Nd},  {0x10D4A, 0x10D4D, C::Lo},
    {0x10D4E, 0x10D4E, C::Lm},  {0x10D4F, 0x10D4F, C::Lo},  {0x10D50, 0x10D65, C::Lu},
    {0x10D69, 0x10D6D, C::Mn},  {0x10D6E, 0x10D6E, C::Po},  {0x10D6F, 0x10D6F, C::Lm},
    {0x10D70, 0x10D85, C::Ll},  {0x10D8E, 0x10D8F, C::So},  {0x10EC2, 0x10EC4, C::Lo},
    {0x10EFC, 0x10EFF, C::Mn},  {0x10F70, 0x10F81, C::Lo},  {0x10F82, 0x10F85, C::Mn},
    {0x10F86, 0x10F89, C::Po},  {0x11070, 0x11070, C::Mn},  {0x11071, 0x11072, C::Lo},
    {0x11073, 0x11074, C::Mn},  {0x11075, 0x11075, C::Lo},  {0x110C2, 0x110C2, C::Mn},
    {0x1123F, 0x11240, C::Lo},  {0x11241, 0x11241, C::Mn},  {0x11380, 0x11389, C::Lo},
    {0x1138B, 0x1138B, C::Lo},  {0x1138E, 0x1138E, C::Lo},  {0x11390, 0x113B5, C::Lo},
    {0x113B7, 0x113B7, C::Lo},  {0x113B8, 0x113BA, C::Mc},  {0x113BB, 0x113C0, C::Mn},
    {0x113C2, 0x113C2, C::Mc},  {0x113C5, 0x113C5, C::Mc},  {0x113C7, 0x113CA, C::Mc},
    {0x113CC, 0x113CD, C::Mc},  {0x113CE, 0x113CE, C::Mn},  {0x113CF, 0x113CF, C::Mc},
    {0x113D0, 0x113D0, C::Mn},  {0x113D1, 0x113D1, C::Lo},  {0x113D2, 0x113D2, C::Mn},
    {0x113D3, 0x113D3, C::Lo},  {0x113D4, 0x113D5, C::Po},  {0x113D7, 0x113D8, C::Po},
    {0x113E1, 0x113E2, C::Mn},  {0x116B9, 0x116B9, C::Po},  {0x116D0, 0x116E3, C::Nd},
    {0x11740, 0x11746, C::Lo},  {0x11AB0, 0x11ABF, C::Lo},  {0x11B00, 0x11B09, C::Po},
    {0x11BC0, 0x11BE0, C::Lo},  {0x11BE1, 0x11BE1, C::Po},  {0x11BF0, 0x11BF9, C::Nd},
    {0x11F00, 0x11F01, C::Mn},  {0x11F02, 0x11F02, C::Lo},  {0x11F03, 0x11F03, C::Mc},
    {0x11F04, 0x11F10, C::Lo},  {0x11F12, 0x11F33, C::Lo},  {0x11F34, 0x11F35, C::Mc},
    {0x11F36, 0x11F3A, C::Mn},  {0x11F3E, 0x11F3F, C::Mc},  {0x11F40, 0x11F40, C::Mn},
    {0x11F41, 0x11F41, C::Mc},  {0x11F42, 0x11F42, C::Mn},  {0x11F43, 0x11F4F, C::Po},
    {0x11F50, 0x11F59, C::Nd},  {0x11F5A, 0x11F5A, C::Mn},  {0x12F90, 0x12FF0, C::Lo},
    {0x12FF1, 0x12FF2, C::Po},  {0x1342F, 0x1342F, C::Lo},  {0x13439, 0x1343F, C::Cf},
    {0x13440, 0x13440, C::Mn},  {0x13441, 0x13446, C::Lo},  {0x13447, 0x13455, C::Mn},
    {0x13460, 0x143FA, C::Lo},  {0x16100, 0x1611D, C::Lo},  {0x1611E, 0x16129, C::Mn},
    {0x1612A, 0x1612C, C::Mc},  {0x1612D, 0x1612F, C::Mn},  {0x16130, 0x16139, C::Nd},
    {0x16A70, 0x16ABE, C::Lo},  {0x16AC0, 0x16AC9, C::Nd},  {0x16D40, 0x16D42, C::Lm},
    {0x16D43, 0x16D6A, C::Lo},  {0x16D6B, 0x16D6C, C::Lm},  {0x16D6D, 0x16D6F, C::Po},
    {0x16D70, 0x16D79, C::Nd},  {0x18CFF, 0x18CFF, C::Lo},  {0x1AFF0, 0x1AFF3, C::Lm},
    {0x1AFF5, 0x1AFFB, C::Lm},  {0x1AFFD, 0x1AFFE, C::Lm},  {0x1B11F, 0x1B122, C::Lo},
    {0x1B132, 0x1B132, C::Lo},  {0x1B155, 0x1B155, C::Lo},  {0x1CC00, 0x1CCEF, C::So},
    {0x1CCF0, 0x1CCF9, C::Nd},  {0x1CD00, 0x1CEB3, C::So},  {0x1CF00, 0x1CF2D, C::Mn},
    {0x1CF30, 0x1CF46, C::Mn},  {0x1CF50, 0x1CFC3, C::So},  {0x1D1E9, 0x1D1EA, C::So},
    {0x1D2C0, 0x1D2D3, C::No},  {0x1DF00, 0x1DF09, C::Ll},  {0x1DF0A, 0x1DF0A, C::Lo},
    {0x1DF0B, 0x1DF1E, C::Ll},  {0x1DF25, 0x1DF2A, C::Ll},  {0x1E030, 0x1E06D, C::Lm},
    {0x1E08F, 0x1E08F, C::Mn},  {0x1E290, 0x1E2AD, C::Lo},  {0x1E2AE, 0x1E2AE, C::Mn},
    {0x1E4D0, 0x1E4EA, C::Lo},  {0x1E4EB, 0x1E4EB, C::Lm},  {0x1E4EC, 0x1E4EF, C::Mn},
    {0x1E4F0, 0x1E4F9, C::Nd},  {0x1E5D0, 0x1E5ED, C::Lo},  {0x1E5EE, 0x1E5EF, C::Mn},
    {0x1E5F0, 0x1E5F0, C::Lo},  {0x1E5F1, 0x1E5FA, C::Nd},  {0x1E5FF, 0x1E5FF, C::Po},
    {0x1E7E0, 0x1E7E6, C::Lo},  {0x1E7E8, 0x1E7EB, C::Lo},  {0x1E7ED, 0x1E7EE, C::Lo},
    {0x1E7F0, 0x1E7FE, C::Lo},  {0x1F6DC, 0x1F6DF, C::So},  {0x1F774, 0x1F776, C::So},
    {0x1F77B, 0x1F77F, C::So},  {0x1F7D9, 0x1F7D9, C::So},  {0x1F7F0, 0x1F7F0, C::So},
    {0x1F8B2, 0x1F8BB, C::So},  {0x1F8C0, 0x1F8C1, C::So},  {0x1F979, 0x1F979, C::So},
    {0x1F9CC, 0x1F9CC, C::So},  {0x1FA75, 0x1FA77, C::So},  {0x1FA7B, 0x1FA7C, C::So},
    {0x1FA87, 0x1FA89, C::So},  {0x1FA8F, 0x1FA8F, C::So},  {0x1FAA9, 0x1FAAF, C::So},
    {0x1FAB7, 0x1FABF, C::So},  {0x1FAC3, 0x1FAC6, C::So},  {0x1FACE, 0x1FACF, C::So},
    {0x1FAD7, 0x1FADC, C::So},  {0x1FADF, 0x1FAE9, C::So},  {0x1FAF0, 0x1FAF8, C::So},
    {0x1FBCB, 0x1FBEF, C::So},  {0x2A6DE, 0x2A6DF, C::Han}, {0x2B735, 0x2B739, C::Han},
    {0x2EBF0, 0x2EE5D, C::Han}, {0x31350, 0x323AF, C::Han},
};

struct Mapping {
  char32_t first, last;
  std::int32_t distance;
};

constexpr Mapping kLowercase[] = {{0x1C89, 0x1C89, 1},   {0xA7CB, 0xA7CB, -42343}, {0xA7CC, 0xA7CC, 1},
                                  {0xA7CE, 0xA7CE, 1},   {0xA7D2, 0xA7D2, 1},      {0xA7D4, 0xA7D4, 1},
                                  {0xA7DA, 0xA7DA, 1},   {0xA7DC, 0xA7DC, -42561}, {0x10D50, 0x10D65, 32},
                                  {0x16EA0, 0x16EB8, 27}};

/// Whether a block of 256 characters has recent ones.
constexpr auto kBlocks = [] {
  std::array<bool, 0x110000 / 256> blocks{};
  for (const CharacterRange& range : kRecent) {
    for (char32_t block = range.first / 256; block <= range.last / 256; ++block) blocks[block] = true;
  }
  return blocks;
}();

/// Old characters of the same category with 2, 3 and 4 bytes of UTF-8; 0 where no recent one has that length.
struct OldCharacter {
  RecentCategory category;
  char32_t two, three, four;
};

constexpr OldCharacter kOldCharacters[] = {
    {C::Lu, 0, 0x1E00, 0x10400},    {C::Ll, 0, 0x1E01, 0x10428},  {C::Lm, 0, 0x1D2C, 0x16B40},
    {C::Lo, 0, 0x0E01, 0x10000},    {C::Han, 0, 0x4E00, 0x20000}, {C::Mn, 0, 0x1DC0, 0x1D167},
    {C::Mc, 0, 0x0903, 0x1D165},    {C::Nd, 0, 0x0966, 0x104A0},  {C::No, 0, 0x2460, 0x10107},
    {C::Po, 0xA7, 0x2020, 0x10100}, {C::So, 0, 0x2600, 0x1F300},  {C::Cf, 0, 0x2060, 0xE0001},
};

char32_t old_character(RecentCategory category, std::size_t length) {
  for (const OldCharacter& old : kOldCharacters) {
    if (old.category == category) return length == 2 ? old.two : length == 3 ? old.three : old.four;
  }
  return 0;
}

}  // namespace

RecentCategory recent_category(char32_t c) {
  if (c >= 0x110000 || !kBlocks[c / 256]) return C::none;
  const CharacterRange* range =
      std::lower_bound(std::begin(kRecent), std::end(kRecent), c,
                       [](const CharacterRange& r, char32_t x) { return r.last < x; });
  return range != std::end(kRecent) && range->first <= c ? range->category : C::none;
}

char32_t recent_lowercase(char32_t c) {
  for (const Mapping& mapping : kLowercase) {
    if (c >= mapping.first && c <= mapping.last)
      return static_cast<char32_t>(static_cast<std::int32_t>(c) + mapping.distance);
  }
  return c;
}

std::string with_old_characters(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    // The first recent character is U+061D; those below take one or two bytes and are skipped quickly.
    if (static_cast<unsigned char>(text[at]) < 0xD8) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    const char32_t c = next_character(text, at);
    const RecentCategory category = recent_category(c);
    if (category == C::none) continue;
    const char32_t old = old_character(category, at - begin);
    if (old == 0) continue;
    if (out.empty()) out = text;
    std::string replacement;
    append_character(replacement, old);
    out.replace(begin, at - begin, replacement);
  }
  return out;
}

}  // namespace mhub::text
