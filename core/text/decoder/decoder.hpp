// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mhub/text/settings.hpp"

namespace mhub::text {

/// Turns tokens back into text: rewrites a list of strings, which are joined at the end. Immutable and
/// thread-safe.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// `tokens` are valid UTF-8 before and after.
  virtual void decode(std::vector<std::string>& tokens) const = 0;
};

/// From the "decoder" object of a tokenizer.json. Throws InputError.
std::unique_ptr<Decoder> make_decoder(const Settings& settings);

}  // namespace mhub::text
