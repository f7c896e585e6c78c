// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/decoder/kinds.hpp"
#include "mhub/text/replacement.hpp"

namespace mhub::text {
namespace {

class ReplaceDecoder final : public Decoder {
 public:
  explicit ReplaceDecoder(const Settings& settings) : replacement_(settings) {}
  void decode(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) token = replacement_.apply(token);
  }

 private:
  Replacement replacement_;
};

}  // namespace

std::unique_ptr<Decoder> make_replace_decoder(const Settings& settings) {
  return std::make_unique<ReplaceDecoder>(settings);
}

}  // namespace mhub::text
