// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "mhub/store/pickle/value.hpp"

namespace mhub {

/// Parses a pickle of protocol 0 to 5 into data. Nothing is executed: a class or function outside a short
/// list of names that checkpoints need is refused by name, and those on the list stay names. Throws
/// InputError that starts with `what` for that and for anything malformed. `consumed`, when given, receives
/// the length of the pickle.
const PickleNode* read_pickle(std::span<const std::byte> data, PickleArena& arena, const std::string& what,
                              std::size_t* consumed = nullptr);

/// True for "module name" pairs that `read_pickle` lets through.
bool is_allowed_global(const std::string& module_and_name);

}  // namespace mhub
