// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/files/tokenizer_files.hpp"

#include "mhub/base/error.hpp"
#include "mhub/text/files/sentencepiece_model.hpp"
#include "mhub/text/files/tokenizer_config.hpp"
#include "mhub/text/files/vocab_merges.hpp"

namespace mhub::text {

TokenizerParts read_tokenizer(const FileSet& files) {
  const TokenizerConfig config = read_tokenizer_config(files);
  TokenizerFile file;
  if (const std::string name = "tokenizer.json"; files.has(name)) {
    file = parse_tokenizer_json(files.read(name, kLargestTokenizerFile), files.place(name));
    override_prefix_space(file, config);
  } else if (files.has("tokenizer.model")) {
    file = read_sentencepiece_model(files, config);
  } else if (files.has("vocab.json") && files.has("merges.txt")) {
    file = read_vocab_and_merges(files, config);
  } else {
    throw InputError(
        files.source() +
        ": no tokenizer: expected tokenizer.json, tokenizer.model, or vocab.json with merges.txt");
  }
  TokenizerParts parts = make_parts(file);
  apply_tokenizer_config(config, parts);
  return parts;
}

}  // namespace mhub::text
