// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mhub::text {

/// Bytes of base64 text (RFC 4648, padded). Throws InputError that begins with `origin` for anything else.
std::string decode_base64(std::string_view text, const std::string& origin);
/// The reverse.
std::string encode_base64(std::string_view bytes);

}  // namespace mhub::text
