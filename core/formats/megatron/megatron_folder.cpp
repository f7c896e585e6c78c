// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/megatron/megatron_folder.hpp"

#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/store/torch/torch_ranks.hpp"
#include "mhub/store/torch_dist/torch_dist_source.hpp"

namespace fs = std::filesystem;

namespace mhub {

std::string iteration_folder(const std::optional<std::int64_t>& iteration) {
  if (!iteration) return "release";
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "iter_%07lld", static_cast<long long>(*iteration));
  return name.data();
}

fs::path megatron_folder(const std::string& path) {
  const fs::path root = path;
  if (!fs::is_directory(root) || fs::is_regular_file(root / "config.json")) return {};
  if (is_torch_dist(path) || is_torch_ranks(path) || !fs::is_regular_file(root / kTracker)) return root;
  std::string iteration = read_file((root / kTracker).string(), 64);
  while (!iteration.empty() && std::isspace(static_cast<unsigned char>(iteration.back())) != 0)
    iteration.pop_back();
  if (iteration == "release") return root / iteration;
  int number = 0;
  const auto parsed = std::from_chars(iteration.data(), iteration.data() + iteration.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != iteration.data() + iteration.size() || number < 0) {
    throw InputError((root / kTracker).string() + ": expected an iteration number or \"release\", found \"" +
                     iteration + "\"");
  }
  return root / iteration_folder(number);
}

}  // namespace mhub
