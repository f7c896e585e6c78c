// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/text/files/tokenizer_config.hpp"

namespace mhub::text {

/// A SentencePiece tokenizer.model (BPE or Unigram) in the terms of a tokenizer.json: normalization as
/// SentencePiece does it, BPE merges from the scores, control and user-defined symbols as added tokens. Where
/// the config does not say, a beginning-of-sequence token is added and no end. Throws InputError.
TokenizerFile read_sentencepiece_model(const FileSet& files, const TokenizerConfig& config);

}  // namespace mhub::text
