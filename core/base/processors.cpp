// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/processors.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <thread>

namespace mhub {
namespace {

int bound_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));  // over 1024 of them
}

/// The folder of this process's group in the version 2 hierarchy.
std::filesystem::path own_group() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::/")) return std::filesystem::path("/sys/fs/cgroup") / line.substr(4);
  }
  return {};
}

/// The least quota of the group and of those around it.
std::optional<int> quota_here() {
  std::optional<int> least;
  for (std::filesystem::path group = own_group(); group.native().size() > 1; group = group.parent_path()) {
    std::ifstream file(group / "cpu.max");
    std::string text;
    if (!std::getline(file, text)) continue;
    const std::optional<int> quota = cgroup_quota(text);
    if (quota) least = std::min(least.value_or(*quota), *quota);
  }
  return least;
}

std::optional<int> positive(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1) return std::nullopt;
  return value;
}

}  // namespace

std::optional<int> cgroup_quota(const std::string& cpu_max) {
  std::istringstream words(cpu_max);
  double quota = 0, period = 0;
  if (!(words >> quota >> period) || !(quota > 0) || !(period > 0)) return std::nullopt;
  const double processors = std::ceil(quota / period);
  return processors < 1e6 ? std::optional<int>(static_cast<int>(processors)) : std::nullopt;
}

std::optional<int> slurm_processors(const std::function<std::string(const char*)>& variable) {
  for (const char* name : {"SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"}) {
    if (const std::optional<int> given = positive(variable(name))) return given;
  }
  return std::nullopt;
}

int usable_processors() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  const int bound = bound_processors();
  return std::min({bound, quota_here().value_or(bound), slurm_processors(variable).value_or(bound)});
}

}  // namespace mhub
