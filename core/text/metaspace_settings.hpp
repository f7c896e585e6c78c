// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/text/settings.hpp"

namespace mhub::text {

/// To which pieces a Metaspace puts its mark in front: all, the one at the start of the input, or none.
enum class PrependScheme { always, first, never };

/// What the pre-tokenizer Metaspace and the decoder of that name have in common. Throws InputError.
struct MetaspaceSettings {
  explicit MetaspaceSettings(const Settings& settings);
  std::string replacement;  ///< one character that stands for a space
  PrependScheme scheme;
};

}  // namespace mhub::text
