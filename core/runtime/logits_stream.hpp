// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mhub/runtime/generation.hpp"

namespace mhub::runtime {

/// The float32 logits of every one of some tokens, a few rows at a time: those of a large vocabulary are
/// large. Borrows the decoder and what features point to.
class LogitsStream {
 public:
  /// The prompt is one new sequence. Throws UsageError when it is too long for the model.
  LogitsStream(Decoder& decoder, Prompt prompt);

  /// The next rows [some, vocab_size], valid until the next call; empty at the end. Throws as
  /// Decoder::forward does.
  std::span<const float> next();

 private:
  Decoder& decoder_;
  Prompt prompt_;
  std::size_t begin_ = 0;  ///< of the tokens that come next
  SequenceCache sequence_;
  std::vector<float> values_;
};

}  // namespace mhub::runtime
