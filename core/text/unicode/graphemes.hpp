// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace mhub::text {

/// End of the extended grapheme cluster (UAX #29) that begins at `at` of valid UTF-8; `at` must lie before
/// the end. Rule GB9c (Indic conjuncts, Unicode 15.1) is left out: no cluster of at most five bytes, all that
/// anyone asks for here, depends on it.
std::size_t grapheme_end(std::string_view text, std::size_t at);

}  // namespace mhub::text
