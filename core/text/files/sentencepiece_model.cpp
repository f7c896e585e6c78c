// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/files/sentencepiece_model.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/text/base64.hpp"
#include "mhub/text/files/frame.hpp"
#include "mhub/text/files/protobuf.hpp"

namespace mhub::text {
namespace {

using nlohmann::json;

constexpr const char* kMark = "\xE2\x96\x81";  // U+2581 stands for a space

/// Field numbers and defaults below are those of sentencepiece_model.proto.
enum class PieceType { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct StoredPiece {
  std::string text;
  float score = 0;
  PieceType type = PieceType::normal;
};

struct SentencePieceModel {
  std::vector<StoredPiece> pieces;
  std::int32_t model_type = 1;  ///< 1 Unigram, 2 BPE
  std::int32_t unk_id = 0, bos_id = 1, eos_id = 2;
  bool byte_fallback = false;
  bool space_as_suffix = false;
  std::string charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
};

StoredPiece read_piece(std::string_view message, const std::string& path) {
  StoredPiece piece;
  ProtobufReader reader(message, path);
  for (ProtobufReader::Field field; reader.next(field);) {
    if (field.number == 1) piece.text = field.bytes;
    if (field.number == 2) piece.score = field.as_float();
    if (field.number == 3) piece.type = static_cast<PieceType>(field.as_int32());
  }
  if (piece.text.empty() || !is_utf8(piece.text))
    throw InputError(path + ": a piece is empty or not UTF-8; the file is damaged");
  return piece;
}

void read_trainer_spec(std::string_view message, const std::string& path, SentencePieceModel& model) {
  ProtobufReader reader(message, path);
  for (ProtobufReader::Field field; reader.next(field);) {
    if (field.number == 3) model.model_type = field.as_int32();
    if (field.number == 24) model.space_as_suffix = field.value != 0;
    if (field.number == 35) model.byte_fallback = field.value != 0;
    if (field.number == 40) model.unk_id = field.as_int32();
    if (field.number == 41) model.bos_id = field.as_int32();
    if (field.number == 42) model.eos_id = field.as_int32();
  }
}

void read_normalizer_spec(std::string_view message, const std::string& path, SentencePieceModel& model) {
  ProtobufReader reader(message, path);
  for (ProtobufReader::Field field; reader.next(field);) {
    if (field.number == 2) model.charsmap = field.bytes;
    if (field.number == 3) model.add_dummy_prefix = field.value != 0;
    if (field.number == 4) model.remove_extra_whitespaces = field.value != 0;
  }
}

SentencePieceModel read_model(const std::string& bytes, const std::string& path) {
  SentencePieceModel model;
  ProtobufReader reader(bytes, path);
  for (ProtobufReader::Field field; reader.next(field);) {
    if (field.number == 1) model.pieces.push_back(read_piece(field.bytes, path));
    if (field.number == 2) read_trainer_spec(field.bytes, path, model);
    if (field.number == 3) read_normalizer_spec(field.bytes, path, model);
  }
  const auto pieces = static_cast<std::int32_t>(model.pieces.size());
  if (model.unk_id < 0 || model.unk_id >= pieces)
    throw InputError(path + ": not a SentencePiece model: unk_id is " + std::to_string(model.unk_id) +
                     " of " + std::to_string(pieces) + " pieces");
  if (model.model_type != 1 && model.model_type != 2)
    throw InputError(path + ": SentencePiece model type " + std::to_string(model.model_type) +
                     " is not supported; Unigram (1) and BPE (2) are");
  if (model.space_as_suffix) throw InputError(path + ": treat_whitespace_as_suffix is not supported");
  return model;
}

json replace(const json& pattern, const char* content) {
  return {{"type", "Replace"}, {"pattern", pattern}, {"content", content}};
}

json normalizer(const SentencePieceModel& model) {
  json steps = json::array();
  if (!model.charsmap.empty())
    steps.push_back({{"type", "Precompiled"}, {"precompiled_charsmap", encode_base64(model.charsmap)}});
  if (model.remove_extra_whitespaces) {
    steps.push_back(replace({{"Regex", "\\A +| +\\z"}}, ""));
    steps.push_back(replace({{"Regex", " {2,}"}}, " "));
  }
  if (model.add_dummy_prefix) steps.push_back({{"type", "Prepend"}, {"prepend", kMark}});
  steps.push_back(replace({{"String", " "}}, kMark));
  return {{"type", "Sequence"}, {"normalizers", steps}};
}

json decoder(const SentencePieceModel& model) {
  json steps = json::array();
  steps.push_back(replace({{"String", kMark}}, " "));
  steps.push_back({{"type", "ByteFallback"}});
  steps.push_back({{"type", "Fuse"}});
  if (model.add_dummy_prefix)
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return {{"type", "Sequence"}, {"decoders", steps}};
}

json added_tokens(const SentencePieceModel& model) {
  json tokens = json::array();
  for (const StoredPiece& piece : model.pieces) {
    const bool special = piece.type == PieceType::control || piece.type == PieceType::unknown;
    if (special || piece.type == PieceType::user_defined)
      tokens.push_back({{"content", piece.text}, {"special", special}, {"normalized", false}});
  }
  return tokens;
}

/// BPE in SentencePiece joins the two neighbours whose piece has the best score. As merges: every way to
/// write a piece as two, in the order of scores, shorter left parts first (transformers, generate_merges).
void add_merges(const SentencePieceModel& model, ModelFile& file) {
  Vocabulary vocabulary;
  for (const ModelFile::Entry& entry : file.vocabulary) vocabulary.add(entry.token, entry.id);
  std::vector<const StoredPiece*> order;
  for (const StoredPiece& piece : model.pieces) {
    if (piece.type == PieceType::normal) order.push_back(&piece);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const StoredPiece* a, const StoredPiece* b) { return a->score > b->score; });
  for (const StoredPiece* piece : order) {
    const std::string_view text = piece->text;
    for (std::size_t cut = utf8_length(text[0]); cut < text.size(); cut += utf8_length(text[cut])) {
      const std::string_view left = text.substr(0, cut);
      const std::string_view right = text.substr(cut);
      if (vocabulary.id_of(left) && vocabulary.id_of(right)) file.merges.emplace_back(left, right);
    }
  }
}

std::optional<std::string> piece_if(bool wanted, std::int32_t id, const SentencePieceModel& model) {
  if (!wanted || id < 0 || id >= static_cast<std::int32_t>(model.pieces.size())) return std::nullopt;
  return model.pieces[static_cast<std::size_t>(id)].text;
}

}  // namespace

TokenizerFile read_sentencepiece_model(const FileSet& files, const TokenizerConfig& config) {
  const std::string name = "tokenizer.model", path = files.place(name);
  const SentencePieceModel model = read_model(files.read(name, kLargestTokenizerFile), path);
  TokenizerFile file;
  file.path = path;
  file.model.origin = path;
  for (const StoredPiece& piece : model.pieces) {
    const auto id = static_cast<TokenId>(file.model.vocabulary.size());
    file.model.vocabulary.push_back({piece.text, id, piece.score});
  }
  json& settings = file.model.settings;
  settings["byte_fallback"] = model.byte_fallback;
  if (model.model_type == 1) {
    settings["type"] = "Unigram";
    settings["unk_id"] = static_cast<std::uint64_t>(model.unk_id);
    file.model.scored = true;
  } else {
    settings["type"] = "BPE";
    settings["unk_token"] = model.pieces[static_cast<std::size_t>(model.unk_id)].text;
    settings["fuse_unk"] = true;
    add_merges(model, file.model);
  }
  file.settings["normalizer"] = normalizer(model);
  file.settings["decoder"] = decoder(model);
  file.settings["added_tokens"] = added_tokens(model);
  file.settings["post_processor"] =
      frame_with(piece_if(config.add_bos_token.value_or(true), model.bos_id, model),
                 piece_if(config.add_eos_token.value_or(false), model.eos_id, model), file.model);
  return file;
}

}  // namespace mhub::text
