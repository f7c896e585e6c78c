// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mhub::text {

/// SentencePiece's compiled normalization rules ("precompiled_charsmap"): little-endian u32 size of a trie in
/// bytes, the trie, then the replacements, each ended by a NUL. The trie is Darts-clone's double array over
/// UTF-8 bytes; its values are offsets of replacements (sentencepiece, src/normalizer.cc,
/// Normalizer::DecodePrecompiledCharsMap).
class CharsMap {
 public:
  /// Throws InputError that begins with `origin` when the blob is damaged.
  CharsMap(std::string_view blob, const std::string& origin);

  /// The replacement of the shortest prefix of `text` that has one, as the `tokenizers` package picks it.
  std::optional<std::string_view> replacement(std::string_view text) const;

 private:
  std::optional<std::string_view> find(std::string_view text) const;

  std::vector<std::uint32_t> units_;
  std::string replacements_;
  std::array<std::optional<std::string_view>, 128> ascii_;  ///< replacements of single ASCII characters
};

}  // namespace mhub::text
