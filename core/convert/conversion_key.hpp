// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/base/error.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/convert/convert.hpp"

namespace mhub {

/// What was to be gone on with is another conversion's, or damaged.
class OtherConversion : public InputError {
 public:
  using InputError::InputError;
};

/// Two conversions have one key when they would write the same bytes to the same places.
std::string conversion_key(const Conversion& conversion);

/// Notes the key for whoever resumes, complete or not at all. Throws OtherConversion for one that resumes
/// with another. `shared`: others may note the same at the same time.
void note_key(const StagingDirectory& staging, const std::string& key, bool shared);

}  // namespace mhub
