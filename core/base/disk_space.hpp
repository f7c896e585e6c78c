// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace mhub {

/// Bytes that an unprivileged process can still write to the file system that `path` is on, or, where nothing
/// has that name yet, its nearest parent that exists.
std::uint64_t free_space(const std::string& path);

/// The device that a path is on, or where nothing has that name its nearest parent; 0 where none can be
/// looked at.
std::uint64_t device_of(const std::string& path);

/// Bytes of all files in a folder; 0 where there is none.
std::uint64_t used_space(const std::string& folder);

/// "2.31 GB"
std::string human_bytes(std::uint64_t bytes);

}  // namespace mhub
