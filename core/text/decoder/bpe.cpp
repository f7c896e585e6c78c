// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/decoder/kinds.hpp"
#include "mhub/text/replace_all.hpp"

namespace mhub::text {
namespace {

/// The suffix that ends words becomes a space.
class BpeDecoder final : public Decoder {
 public:
  explicit BpeDecoder(const Settings& settings) : suffix_(settings.string("suffix")) {}
  void decode(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) replace_all(token, suffix_, &token == &tokens.back() ? "" : " ");
  }

 private:
  std::string suffix_;
};

}  // namespace

std::unique_ptr<Decoder> make_bpe_decoder(const Settings& settings) {
  return std::make_unique<BpeDecoder>(settings);
}

}  // namespace mhub::text
