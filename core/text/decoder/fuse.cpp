// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/decoder/kinds.hpp"

namespace mhub::text {
namespace {

/// Joins all tokens, so that the decoders behind it see the whole text.
class Fuse final : public Decoder {
 public:
  void decode(std::vector<std::string>& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens.clear();
    tokens.push_back(std::move(all));
  }
};

}  // namespace

std::unique_ptr<Decoder> make_fuse_decoder(const Settings&) { return std::make_unique<Fuse>(); }

}  // namespace mhub::text
