// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/hdf5/archive_format.hpp"

#include "mhub/store/hdf5/attributes.hpp"

namespace mhub {

bool is_side_file_path(const std::string& path) {
  constexpr std::size_t kLongest = 4096;
  if (path.size() > kLongest || !is_hdf5_text(path)) return false;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = path.find('/', begin);
    const std::string part = path.substr(begin, end == std::string::npos ? end : end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    if (end == std::string::npos) return true;
    begin = end + 1;
  }
}

}  // namespace mhub
