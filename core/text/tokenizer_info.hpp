// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "mhub/base/file_set.hpp"

namespace mhub {

/// What inspection says about a checkpoint's tokenizer without building it.
struct TokenizerInfo {
  std::string class_name;  ///< transformers' class; empty when there are no tokenizer files
  std::int64_t vocab_size =
      0;  ///< entries of the vocabulary without added tokens, as transformers' vocab_size; 0: unknown
};

/// Reads tokenizer_config.json for the class and tokenizer.json (or vocab.json) for the size.
/// `fallback_class` is the architecture's own. Files that cannot be read as such throw InputError.
TokenizerInfo tokenizer_info(const FileSet& files, const std::string& fallback_class);

}  // namespace mhub
