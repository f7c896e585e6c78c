// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/utf8.hpp"
#include "mhub/text/normalizer/kinds.hpp"
#include "mhub/text/unicode/properties.hpp"

namespace mhub::text {
namespace {

class Strip final : public Normalizer {
 public:
  explicit Strip(const Settings& settings)
      : left_(settings.boolean("strip_left")), right_(settings.boolean("strip_right")) {}

  void normalize(NormalizedText& text) const override {
    std::string& s = text.text;
    std::size_t end = s.size();
    while (right_ && end > 0) {
      std::size_t at = previous_boundary(s, end);
      const std::size_t begin = at;
      if (!is_whitespace(next_character(s, at))) break;
      end = begin;
    }
    std::size_t begin = 0;
    while (left_ && begin < end) {
      std::size_t at = begin;
      if (!is_whitespace(next_character(s, at))) break;
      begin = at;
    }
    if (begin > 0) text.at_start = false;
    s = s.substr(begin, end - begin);
  }

 private:
  bool left_, right_;
};

}  // namespace

std::unique_ptr<Normalizer> make_strip_normalizer(const Settings& settings) {
  return std::make_unique<Strip>(settings);
}

}  // namespace mhub::text
