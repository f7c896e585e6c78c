// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/error.hpp"
#include "mhub/text/model/kinds.hpp"

namespace mhub::text {
namespace {

/// Every word is one token.
class WordLevel final : public Model {
 public:
  explicit WordLevel(const ModelFile& file) : Model(file), origin_(file.origin) {
    const Settings settings(file.settings, file.origin);
    unknown_token_ = settings.find_string("unk_token").value_or("<unk>");
    unknown_ = vocabulary().id_of(unknown_token_);
  }
  std::string_view kind() const override { return "WordLevel"; }
  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }

  void encode(std::string_view piece, TokenIds& ids, Scratch&) const override {
    const auto id = vocabulary().id_of(piece);
    if (!id && !unknown_) {
      throw InputError(origin_ + ": no token for \"" + std::string(piece.substr(0, 40)) +
                       "\", and unk_token \"" + unknown_token_ + "\" is not in the vocabulary");
    }
    ids.push_back(id ? *id : *unknown_);
  }

 private:
  std::string origin_, unknown_token_;
  std::optional<TokenId> unknown_;
};

}  // namespace

std::unique_ptr<Model> make_word_level_model(const ModelFile& file) {
  return std::make_unique<WordLevel>(file);
}

}  // namespace mhub::text
