// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/disk_space.hpp"

#include <array>
#include <cstdio>
#include <sys/stat.h>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

namespace mhub {

std::uint64_t free_space(const std::string& path) {
  fs::path at = fs::absolute(path).lexically_normal();
  while (!fs::exists(at) && at.has_parent_path() && at != at.parent_path()) at = at.parent_path();
  std::error_code error;
  const fs::space_info space = fs::space(at, error);
  if (error) throw IoError("cannot ask for free space on", at.string(), error.value());
  return space.available;
}

std::uint64_t device_of(const std::string& path) {
  struct stat found {};
  for (fs::path at = fs::absolute(path);; at = at.parent_path()) {
    if (::stat(at.c_str(), &found) == 0) return found.st_dev;
    if (!at.has_relative_path()) return 0;
  }
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

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000.0 && unit + 1 < kUnits.size()) {
    value /= 1000.0;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.2f %s", value, kUnits[unit]);
  return text.data();
}

}  // namespace mhub
