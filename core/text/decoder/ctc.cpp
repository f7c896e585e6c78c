// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "mhub/text/decoder/kinds.hpp"
#include "mhub/text/replace_all.hpp"

namespace mhub::text {
namespace {

/// Connectionist temporal classification: repeated tokens count once, padding separates real repetitions.
class Ctc final : public Decoder {
 public:
  explicit Ctc(const Settings& settings)
      : padding_(settings.string("pad_token")),
        delimiter_(settings.string("word_delimiter_token")),
        cleanup_(settings.boolean("cleanup")) {}

  void decode(std::vector<std::string>& tokens) const override {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      replace_all(token, padding_, "");
      if (!cleanup_) continue;
      clean_up_spaces(token, true);
      replace_all(token, delimiter_, " ");
    }
    std::erase(tokens, "");
  }

 private:
  std::string padding_, delimiter_;
  bool cleanup_;
};

}  // namespace

std::unique_ptr<Decoder> make_ctc_decoder(const Settings& settings) {
  return std::make_unique<Ctc>(settings);
}

}  // namespace mhub::text
