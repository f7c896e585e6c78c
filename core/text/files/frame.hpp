// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "mhub/text/files/tokenizer_file.hpp"

namespace mhub::text {

/// A TemplateProcessing that puts these tokens of the model's vocabulary around a text; null JSON for none.
/// Throws InputError when the vocabulary lacks one.
nlohmann::json frame_with(const std::optional<std::string>& bos, const std::optional<std::string>& eos,
                          const ModelFile& model);

}  // namespace mhub::text
