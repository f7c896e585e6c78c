// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace mhub {

/// Where each tensor's dataset is linked below /state, same order as `names`: the parts between dots are
/// groups ("a.b.weight" -> {"a", "b", "weight"}), so that people find their way. A part that cannot be a link
/// name ("", ".", with "/") is altered, a dataset whose place is a group or taken gets a "~" behind its name,
/// and names of more than 32 parts keep the rest in one. The exact name is an attribute of the dataset.
std::vector<std::vector<std::string>> hdf5_link_paths(const std::vector<std::string>& names);

}  // namespace mhub
