// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "mhub/text/model/model.hpp"

namespace mhub::text {

/// What a tokenizer.json says, or what other files say in its terms.
struct TokenizerFile {
  std::string path;
  /// Everything but "model": "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder".
  nlohmann::json settings = nlohmann::json::object();
  ModelFile model;
};

/// Reads a tokenizer.json. Vocabulary and merges, nearly all of its 10 to 30 MB, go straight into lists.
/// Throws InputError for anything that is not JSON of this shape.
TokenizerFile read_tokenizer_json(const std::string& path);
TokenizerFile parse_tokenizer_json(std::string_view text, const std::string& path);

/// One line of a merge list: two tokens with one space between them. Throws InputError that begins with
/// `origin`.
std::pair<std::string, std::string> split_merge(std::string_view line, const std::string& origin);

/// No file is larger than this many bytes.
inline constexpr std::uint64_t kLargestTokenizerFile = 256 << 20;

}  // namespace mhub::text
