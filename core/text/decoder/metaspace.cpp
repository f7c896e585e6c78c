// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/decoder/kinds.hpp"
#include "mhub/text/metaspace_settings.hpp"
#include "mhub/text/replace_all.hpp"

namespace mhub::text {
namespace {

/// The mark becomes a space; in the first token it vanishes, unless the encoder never puts one in front.
class MetaspaceDecoder final : public Decoder {
 public:
  explicit MetaspaceDecoder(const Settings& settings) : metaspace_(settings) {}
  void decode(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      const bool vanishes = &token == &tokens.front() && metaspace_.scheme != PrependScheme::never;
      replace_all(token, metaspace_.replacement, vanishes ? "" : " ");
    }
  }

 private:
  MetaspaceSettings metaspace_;
};

}  // namespace

std::unique_ptr<Decoder> make_metaspace_decoder(const Settings& settings) {
  return std::make_unique<MetaspaceDecoder>(settings);
}

}  // namespace mhub::text
