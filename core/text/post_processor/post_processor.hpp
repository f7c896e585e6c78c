// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mhub/text/settings.hpp"
#include "mhub/text/token_id.hpp"

namespace mhub::text {

/// Frames the ids of a whole text with special tokens. Immutable and thread-safe.
class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  virtual void process(TokenIds& ids) const = 0;
};

/// From the "post_processor" object of a tokenizer.json. Throws InputError.
std::unique_ptr<PostProcessor> make_post_processor(const Settings& settings);

}  // namespace mhub::text
