// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mhub {

/// The text inside the quotes of python's repr of a str, as opcode STRING of protocol 0 holds it: backslash
/// escapes resolved (CPython's Objects/bytesobject.c, _PyBytes_DecodeEscape). Nothing for a bad escape.
std::optional<std::string> unescape_repr(std::string_view text);

/// "raw-unicode-escape", as opcode UNICODE of protocol 0 holds it, as UTF-8: \uXXXX and \UXXXXXXXX are
/// characters, other bytes are Latin-1 (CPython's Objects/unicodeobject.c). Nothing for a bad escape.
std::optional<std::string> unescape_unicode(std::string_view text);

}  // namespace mhub
