// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mhub/store/hdf5/library.hpp"

namespace mhub {

/// Calls `visit` for every dataset below the group `root` ("/state"), with its link names from there. Visits
/// a group once, however many links lead to it; goes at most 64 groups deep. Throws InputError for links into
/// other files, symbolic links and anything but groups and datasets. Call under Hdf5Lock.
void for_each_hdf5_dataset(hid_t file, const std::string& root, const std::string& what,
                           const std::function<void(const std::vector<std::string>&, hid_t)>& visit);

}  // namespace mhub
