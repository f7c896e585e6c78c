// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/disk_space.hpp"

#include <filesystem>

#include "mhub/base/error.hpp"

namespace fs = std::filesystem;

namespace mhub::converters {

std::uint64_t free_space(const std::string& path) {
  fs::path at = fs::absolute(path).lexically_normal();
  while (!fs::exists(at) && at.has_parent_path() && at != at.parent_path()) at = at.parent_path();
  std::error_code error;
  const fs::space_info space = fs::space(at, error);
  if (error) throw IoError("cannot ask for free space on", at.string(), error.value());
  return space.available;
}

std::uint64_t used_space(const std::string& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    if (it->is_regular_file(gone)) bytes += it->file_size(gone);
  }
  return bytes;
}

}  // namespace mhub::converters
