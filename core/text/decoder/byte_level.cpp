// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/utf8.hpp"
#include "mhub/text/byte_level_alphabet.hpp"
#include "mhub/text/decoder/kinds.hpp"

namespace mhub::text {
namespace {

class ByteLevelDecoder final : public Decoder {
 public:
  void decode(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) append_bytes(token, bytes);
    tokens.assign(1, replace_invalid_utf8(bytes));
  }

 private:
  /// A token with a character outside the alphabet (an added token) stands for itself.
  static void append_bytes(const std::string& token, std::string& bytes) {
    const std::size_t begin = bytes.size();
    for (std::size_t at = 0; at < token.size();) {
      const auto byte = byte_of(next_character(token, at));
      if (!byte) {
        bytes.resize(begin);
        bytes += token;
        return;
      }
      bytes.push_back(*byte);
    }
  }
};

}  // namespace

std::unique_ptr<Decoder> make_byte_level_decoder(const Settings&) {
  return std::make_unique<ByteLevelDecoder>();
}

}  // namespace mhub::text
