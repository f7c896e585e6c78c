// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/text/decoder/decoder.hpp"
#include "mhub/text/files/tokenizer_file.hpp"
#include "mhub/text/model/model.hpp"
#include "mhub/text/normalizer/normalizer.hpp"
#include "mhub/text/pre_tokenizer/pre_tokenizer.hpp"

namespace mhub::tests {

using nlohmann::json;

/// What a normalizer with these settings makes of a text.
inline std::string normalized(const json& settings, const std::string& text) {
  text::NormalizedText result{text, true};
  text::make_normalizer(text::Settings(settings, "test"))->normalize(result);
  return result.text;
}

/// The pieces that a pre-tokenizer with these settings makes of a text.
inline std::vector<std::string> pieces(const json& settings, const std::string& text, bool at_start = true) {
  std::vector<std::string> result;
  auto collect = [&](text::Piece piece) { result.emplace_back(piece.text); };
  text::make_pre_tokenizer(text::Settings(settings, "test"))->split({text, at_start}, collect);
  return result;
}

/// The text that a decoder with these settings makes of tokens.
inline std::string decoded(const json& settings, std::vector<std::string> tokens) {
  text::make_decoder(text::Settings(settings, "test"))->decode(tokens);
  std::string result;
  for (const std::string& token : tokens) result += token;
  return result;
}

/// A model out of the JSON object that a tokenizer.json holds under "model".
inline std::unique_ptr<text::Model> model(const json& settings) {
  return text::make_model(text::parse_tokenizer_json(json{{"model", settings}}.dump(), "test").model);
}

inline TokenIds encoded(const text::Model& model, const std::string& piece) {
  TokenIds ids;
  model.encode(piece, ids, *model.make_scratch());
  return ids;
}

/// BPE over a few letters: "hug", "pug", "hugs" are single tokens.
inline json small_bpe() {
  return {{"type", "BPE"},
          {"unk_token", "?"},
          {"vocab",
           {{"?", 0},
            {"h", 1},
            {"u", 2},
            {"g", 3},
            {"p", 4},
            {"s", 5},
            {"ug", 6},
            {"hug", 7},
            {"pug", 8},
            {"hugs", 9}}},
          {"merges", json::array({{"u", "g"}, {"h", "ug"}, {"p", "ug"}, {"hug", "s"}})}};
}

/// A byte-level tokenizer.json: all bytes, a few merges, a frame and special tokens.
inline json byte_level_tokenizer() {
  json vocab = json::object();
  // The alphabet in the order of bytes (see byte_level_alphabet.hpp).
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    const int c = itself ? byte : next++;
    const std::string text =
        c < 0x80 ? std::string(1, static_cast<char>(c))
                 : std::string{static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
    vocab[text] = byte;
  }
  vocab["he"] = 256;
  vocab["ll"] = 257;
  vocab["hell"] = 258;
  vocab["hello"] = 259;
  vocab["\u0120hello"] = 260;
  return {{"added_tokens",
           {{{"id", 261}, {"content", "<s>"}, {"special", true}, {"normalized", false}},
            {{"id", 262}, {"content", "</s>"}, {"special", true}, {"normalized", false}},
            {{"id", 263},
             {"content", "tool"},
             {"special", false},
             {"normalized", false},
             {"single_word", true}}}},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
          {"decoder", {{"type", "ByteLevel"}}},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single",
             {{{"SpecialToken", {{"id", "<s>"}}}},
              {{"Sequence", {{"id", "A"}}}},
              {{"SpecialToken", {{"id", "</s>"}}}}}},
            {"special_tokens", {{"<s>", {{"ids", {261}}}}, {"</s>", {{"ids", {262}}}}}}}},
          {"model",
           {{"type", "BPE"},
            {"vocab", vocab},
            {"merges",
             json::array({{"h", "e"}, {"l", "l"}, {"he", "ll"}, {"hell", "o"}, {"\u0120", "hello"}})}}}};
}

}  // namespace mhub::tests
