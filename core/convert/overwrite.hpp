// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/base/progress.hpp"
#include "mhub/convert/convert.hpp"

namespace mhub {

/// Whether a file is an output of mhub's, which --overwrite may replace.
bool is_own_file(const std::string& path);

/// An output that has changed since mhub wrote it is not mhub's any more: a training may have saved its
/// result over it. All of it is read where its files do not look as they were left. Throws UsageError;
/// nothing where there is no output.
void require_as_written(const std::string& output, int jobs, const Callbacks& callbacks);

/// An output in the source would get among its files, one around the source would replace it. The source is
/// also where its manifest and tokenizer lie, and wherever links lead to its tensors.
void require_apart(const Conversion& conversion, const std::string& output);

}  // namespace mhub
