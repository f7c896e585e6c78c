// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "mhub/formats/checkpoint.hpp"
#include "mhub/megatron/layout.hpp"

namespace mhub {

/// How the canonical state becomes a Hugging Face state: the inverse of the plugin's mapping, with names
/// (base model prefix or not) and repeated tied tensors as the original had them where they are known.
struct HfLayout {
  Layout layout;
  std::map<std::string, std::string> original_files;  ///< tensor -> file; empty: unknown
};
HfLayout hf_layout(const Checkpoint& source);

/// The source's config.json with the given type in it.
nlohmann::json hf_config(const Checkpoint& source, DType dtype);

}  // namespace mhub
