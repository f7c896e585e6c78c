// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mhub/runtime/decoder.hpp"

namespace mhub::runtime {

/// The float32 logits of every one of some tokens, a few rows at a time: those of a large vocabulary are
/// large. Borrows the decoder and the tokens.
class LogitsStream {
 public:
  /// The tokens are one new sequence. Throws UsageError when it is too long for the model.
  LogitsStream(Decoder& decoder, std::span<const std::int64_t> tokens,
               std::vector<Decoder::Features> features = {});

  /// The next rows [some, vocab_size], valid until the next call; empty at the end. Throws as
  /// Decoder::forward does.
  std::span<const float> next();

 private:
  Decoder& decoder_;
  std::span<const std::int64_t> rest_;
  std::vector<Decoder::Features> features_;
  SequenceCache sequence_;
  std::vector<float> values_;
};

}  // namespace mhub::runtime
