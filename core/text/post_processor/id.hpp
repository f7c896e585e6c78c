// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>

#include "mhub/base/json.hpp"
#include "mhub/text/settings.hpp"
#include "mhub/text/token_id.hpp"

namespace mhub::text {

/// A token id out of JSON. Throws InputError that begins with the origin of `settings`.
inline TokenId checked_id(const nlohmann::json& value, const Settings& settings) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0 ||
      value.get<std::int64_t>() > std::numeric_limits<TokenId>::max())
    settings.fail("expected a token id, found " + json_text(value));
  return value.get<TokenId>();
}

}  // namespace mhub::text
