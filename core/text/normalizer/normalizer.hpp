// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "mhub/text/settings.hpp"

namespace mhub::text {

/// Text on its way through the normalizers.
struct NormalizedText {
  std::string text;  ///< valid UTF-8
  /// The first character stems from the start of the whole input; Metaspace with the scheme "first" asks.
  bool at_start = false;
};

/// Rewrites text before it is split. Immutable and thread-safe.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void normalize(NormalizedText& text) const = 0;
};

/// From the "normalizer" object of a tokenizer.json. Throws InputError.
std::unique_ptr<Normalizer> make_normalizer(const Settings& settings);

}  // namespace mhub::text
