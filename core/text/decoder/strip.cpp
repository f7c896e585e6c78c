// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/utf8.hpp"
#include "mhub/text/decoder/kinds.hpp"

namespace mhub::text {
namespace {

/// Takes up to `start` of a character from the front of every token and up to `stop` from its end.
class StripDecoder final : public Decoder {
 public:
  explicit StripDecoder(const Settings& settings)
      : start_(settings.count("start", 0)), stop_(settings.count("stop", 0)) {
    append_character(content_, settings.character("content"));
  }

  void decode(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string_view rest = token;
      for (std::uint64_t i = 0; i < start_ && rest.starts_with(content_); ++i)
        rest.remove_prefix(content_.size());
      for (std::uint64_t i = 0; i < stop_ && rest.ends_with(content_); ++i)
        rest.remove_suffix(content_.size());
      token = std::string(rest);
    }
  }

 private:
  std::string content_;  ///< one character
  std::uint64_t start_, stop_;
};

}  // namespace

std::unique_ptr<Decoder> make_strip_decoder(const Settings& settings) {
  return std::make_unique<StripDecoder>(settings);
}

}  // namespace mhub::text
