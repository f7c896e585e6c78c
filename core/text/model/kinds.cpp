// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/model/kinds.hpp"

#include "mhub/text/registry.hpp"

namespace mhub::text {
namespace {

constexpr Kind<Model, ModelFile> kKinds[] = {
    {"BPE", make_bpe_model},
    {"Unigram", make_unigram_model},
    {"WordLevel", make_word_level_model},
    {"WordPiece", make_word_piece_model},
};

/// Files from before tokenizers 0.9 do not say the type; what the kinds need tells them apart.
std::string inferred_type(const ModelFile& file) {
  if (file.scored) return "Unigram";
  if (!file.merges.empty()) return "BPE";
  return file.settings.contains("max_input_chars_per_word") ? "WordPiece" : "WordLevel";
}

}  // namespace

std::unique_ptr<Model> make_model(const ModelFile& file) {
  const Settings settings(file.settings, file.origin);
  const std::string type = settings.find_string("type").value_or(inferred_type(file));
  return find_kind<Model, ModelFile>(kKinds, "model", type, settings).make(file);
}

}  // namespace mhub::text
