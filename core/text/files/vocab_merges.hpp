// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/text/files/tokenizer_config.hpp"

namespace mhub::text {

/// Byte-level BPE as GPT-2 published it: vocab.json {"token": id} and merges.txt, one merge a line. The rules
/// for splitting are not in the files; they are GPT-2's.
TokenizerFile read_vocab_and_merges(const FileSet& files, const TokenizerConfig& config);

}  // namespace mhub::text
