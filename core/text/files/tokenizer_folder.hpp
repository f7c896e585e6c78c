#pragma once

#include <string>

#include "mhub/text/tokenizer_parts.hpp"

namespace mhub::text {

/// The tokenizer of a model folder from whichever files there are. Throws InputError.
TokenizerParts read_tokenizer_folder(const std::string& directory);

}  // namespace mhub::text
