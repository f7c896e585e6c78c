// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/post_processor/kinds.hpp"

namespace mhub::text {
namespace {

/// Only trims offsets in the tokenizers package; ids stay.
class ByteLevelPostProcessor final : public PostProcessor {
 public:
  void process(TokenIds&) const override {}
};

}  // namespace

std::unique_ptr<PostProcessor> make_byte_level_post_processor(const Settings&) {
  return std::make_unique<ByteLevelPostProcessor>();
}

}  // namespace mhub::text
