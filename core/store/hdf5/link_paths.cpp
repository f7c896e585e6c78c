// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/hdf5/link_paths.hpp"

#include <algorithm>
#include <set>

namespace mhub {
namespace {

using Path = std::vector<std::string>;

constexpr std::size_t kDeepest = 32;

std::string link_name(std::string part) {
  std::replace(part.begin(), part.end(), '/', '|');
  return part.empty() || part == "." ? "~" : part;
}

Path split(const std::string& name) {
  Path path;
  std::size_t begin = 0;
  while (path.size() + 1 < kDeepest) {
    const std::size_t dot = name.find('.', begin);
    if (dot == std::string::npos) break;
    path.push_back(link_name(name.substr(begin, dot - begin)));
    begin = dot + 1;
  }
  path.push_back(link_name(name.substr(begin)));
  return path;
}

}  // namespace

std::vector<std::vector<std::string>> hdf5_link_paths(const std::vector<std::string>& names) {
  std::vector<Path> paths;
  std::set<Path> taken;
  for (const std::string& name : names) {
    paths.push_back(split(name));
    Path group = paths.back();
    while (!group.empty()) {
      group.pop_back();
      if (!taken.insert(group).second) break;  // and with it all groups above
    }
  }
  for (Path& path : paths) {
    while (!taken.insert(path).second) path.back() += '~';
  }
  return paths;
}

}  // namespace mhub
