// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/decoder/kinds.hpp"

namespace mhub::text {
namespace {

class DecoderSequence final : public Decoder {
 public:
  explicit DecoderSequence(const Settings& settings) {
    for (const Settings& part : settings.objects("decoders")) parts_.push_back(make_decoder(part));
  }
  void decode(std::vector<std::string>& tokens) const override {
    for (const auto& part : parts_) part->decode(tokens);
  }

 private:
  std::vector<std::unique_ptr<Decoder>> parts_;
};

}  // namespace

std::unique_ptr<Decoder> make_decoder_sequence(const Settings& settings) {
  return std::make_unique<DecoderSequence>(settings);
}

}  // namespace mhub::text
