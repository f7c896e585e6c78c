// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "mhub/store/pickle/value.hpp"

namespace mhub {

/// Parses a pickle of protocol 0 to 5 into data. Nothing is executed: classes and functions stay names. A
/// call of one outside a short list that checkpoints need is refused by name. Throws InputError that starts
/// with `what` for that and for anything malformed.
const PickleNode* read_pickle(std::span<const std::byte> data, PickleArena& arena, const std::string& what);

/// Pickles a tree with protocol 2, which every reader knows (torch.save's default, too). Nodes that are met
/// twice are written once and recalled. Cycles and trees deeper than 200 levels are a std::logic_error.
std::string write_pickle(const PickleNode& root);

// For the reader.

/// True for "module name" pairs of which `read_pickle` lets calls through.
bool is_allowed_global(const std::string& module_and_name);

/// The text inside the quotes of python's repr of a str, as opcode STRING of protocol 0 holds it: backslash
/// escapes resolved (CPython's Objects/bytesobject.c, _PyBytes_DecodeEscape). Nothing for a bad escape.
std::optional<std::string> unescape_repr(std::string_view text);

/// "raw-unicode-escape", as opcode UNICODE of protocol 0 holds it, as UTF-8: \uXXXX and \UXXXXXXXX are
/// characters, other bytes are Latin-1 (CPython's Objects/unicodeobject.c). Nothing for a bad escape.
std::optional<std::string> unescape_unicode(std::string_view text);

}  // namespace mhub
