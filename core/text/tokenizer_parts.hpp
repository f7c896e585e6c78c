// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include "mhub/text/added_vocabulary.hpp"
#include "mhub/text/decoder/decoder.hpp"
#include "mhub/text/files/tokenizer_file.hpp"
#include "mhub/text/model/model.hpp"
#include "mhub/text/normalizer/normalizer.hpp"
#include "mhub/text/post_processor/post_processor.hpp"
#include "mhub/text/pre_tokenizer/pre_tokenizer.hpp"

namespace mhub::text {

/// A tokenizer taken apart; what is null is left out of the pipeline.
struct TokenizerParts {
  std::string path;  ///< where it was read, for errors
  AddedVocabulary added;
  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<PreTokenizer> pre_tokenizer;
  std::unique_ptr<Model> model;
  std::unique_ptr<PostProcessor> post_processor;
  std::unique_ptr<Decoder> decoder;
  bool clean_up_spaces = false;                       ///< of decoded text
  std::map<std::string, TokenId, std::less<>> roles;  ///< "bos_token" and so on
};

/// Throws InputError. `added` still has to be prepared.
TokenizerParts make_parts(const TokenizerFile& file);

}  // namespace mhub::text
