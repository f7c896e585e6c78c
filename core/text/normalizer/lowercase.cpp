// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/normalizer/characters.hpp"
#include "mhub/text/normalizer/kinds.hpp"
#include "mhub/text/unicode/properties.hpp"

namespace mhub::text {
namespace {

class Lowercase final : public Normalizer {
 public:
  void normalize(NormalizedText& text) const override { rewrite_characters(text, append_lowercase); }
};

}  // namespace

std::unique_ptr<Normalizer> make_lowercase_normalizer(const Settings&) {
  return std::make_unique<Lowercase>();
}

}  // namespace mhub::text
