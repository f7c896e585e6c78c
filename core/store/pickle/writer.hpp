// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/store/pickle/value.hpp"

namespace mhub {

/// Pickles a tree with protocol 2, which every reader knows (torch.save's default, too). Nodes that are met
/// twice are written once and recalled. Cycles and trees deeper than 200 levels are a std::logic_error.
std::string write_pickle(const PickleNode& root);

}  // namespace mhub
