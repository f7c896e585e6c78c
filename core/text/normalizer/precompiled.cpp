// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/utf8.hpp"
#include "mhub/text/base64.hpp"
#include "mhub/text/normalizer/charsmap.hpp"
#include "mhub/text/normalizer/kinds.hpp"
#include "mhub/text/unicode/graphemes.hpp"
#include "mhub/text/work_limit.hpp"

namespace mhub::text {
namespace {

/// SentencePiece's normalization as the `tokenizers` package carries it out: short grapheme clusters are
/// looked up as a whole, and where a prefix of the cluster has a replacement, that replaces all of it.
class Precompiled final : public Normalizer {
 public:
  explicit Precompiled(const Settings& settings)
      : map_(decode_base64(settings.string("precompiled_charsmap"), settings.origin()), settings.origin()) {}

  void normalize(NormalizedText& text) const override {
    const std::string_view in = text.text;
    std::string out;
    out.reserve(in.size());
    for (std::size_t begin = 0; begin < in.size();) {
      const std::size_t end = grapheme_end(in, begin);
      append_cluster(out, in.substr(begin, end - begin));
      begin = end;
    }
    text.text = std::move(out);
  }

 private:
  void append_cluster(std::string& out, std::string_view cluster) const {
    constexpr std::size_t kLongestCluster = 5;
    if (cluster.size() <= kLongestCluster) {
      if (const auto replacement = map_.replacement(cluster)) {
        append(out, *replacement);
        return;
      }
    }
    for (std::size_t at = 0; at < cluster.size();) {
      const std::string_view character = cluster.substr(at, utf8_length(cluster[at]));
      append(out, map_.replacement(character).value_or(character));
      at += character.size();
    }
  }
  static void append(std::string& out, std::string_view replacement) {
    constexpr std::size_t kLongestCharacter = 4;
    if (replacement.size() > kLongestCharacter) WorkLimit::made(replacement.size());
    out += replacement;
  }

  CharsMap map_;
};

}  // namespace

std::unique_ptr<Normalizer> make_precompiled_normalizer(const Settings& settings) {
  return std::make_unique<Precompiled>(settings);
}

}  // namespace mhub::text
