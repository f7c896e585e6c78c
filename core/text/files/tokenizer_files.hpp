// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/base/file_set.hpp"
#include "mhub/text/tokenizer_parts.hpp"

namespace mhub::text {

/// The tokenizer of a model from whichever files there are. Throws InputError.
TokenizerParts read_tokenizer(const FileSet& files);

}  // namespace mhub::text
