// SPDX-License-Identifier: Apache-2.0
#include "budget.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>

#include "mhub/base/disk_space.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/progress.hpp"

namespace mhub::converters {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
/// The program, plans and headers.
constexpr std::uint64_t kFixed = 128 * kMiB;
/// mapping/gather.cpp reads windows of 16 MiB, and scratch memory is at most a few times that.
constexpr std::uint64_t kPerThread = 64 * kMiB;
/// hub/README.md: what waits for its turn of a source that is read once.
constexpr std::uint64_t kStreamed = 1024 * kMiB;

/// A number that a file begins with; nothing where there is none ("max").
std::optional<std::uint64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  return file >> value ? std::optional(value) : std::nullopt;
}

/// What a batch system lets a job have (cgroup v2, memory.max of this group and those around it).
std::uint64_t left_in_group() {
  constexpr std::string_view kUnified = "0::";
  std::uint64_t left = UINT64_MAX;
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(kUnified)) continue;
    for (fs::path at = line.substr(kUnified.size()); at.has_relative_path(); at = at.parent_path()) {
      const std::string group = "/sys/fs/cgroup" + at.string();
      const auto most = number_in(group + "/memory.max"), used = number_in(group + "/memory.current");
      if (most && used) left = std::min(left, *most > *used ? *most - *used : 0);
    }
  }
  return left;
}

}  // namespace

Demand demand_of(const RecipeEntry& entry, std::uint64_t bytes, int threads) {
  Demand demand{entry.result(), entry.keeps() ? bytes : 0, kFixed};
  std::uint64_t work = 0;
  if (entry.converts()) work = kPerThread * static_cast<std::uint64_t>(std::max(1, threads));
  if (entry.request.open.use == SourceUse::stream) work += kStreamed;
  const std::uint64_t models = entry.steps.logits ? 2 : entry.steps.generate ? 1 : 0;
  demand.memory += std::max(work, models * bytes);
  return demand;
}

std::uint64_t available_memory() {
  std::uint64_t available = UINT64_MAX;
  std::ifstream file("/proc/meminfo");
  for (std::string name, unit; file >> name;) {
    std::uint64_t kilobytes = 0;
    if (!(file >> kilobytes)) break;
    std::getline(file, unit);
    if (name == "MemAvailable:") available = kilobytes * 1024;
  }
  return std::min(available, left_in_group());
}

Budget::Budget(std::function<std::uint64_t(const std::string&)> free_disk,
               std::function<std::uint64_t()> free_memory)
    : free_disk_(free_disk ? std::move(free_disk)
                           : [](const std::string& place) { return free_space(place); }),
      free_memory_(free_memory ? std::move(free_memory) : available_memory) {}

void Budget::take(const Demand& demand, const std::function<void(const std::string&)>& on_wait,
                  const std::function<bool()>& cancelled) {
  std::unique_lock lock(mutex_);
  bool told = false;
  while (running_ > 0) {
    const std::string what = lacks(demand);
    if (what.empty()) break;
    if (!told) on_wait(what);
    told = true;
    throw_if(cancelled);
    changed_.wait_for(lock, std::chrono::milliseconds(200));
  }
  ++running_;
  disk_[device_of(demand.place)] += demand.disk;
  memory_ += demand.memory;
}

void Budget::release(const Demand& demand) {
  const std::lock_guard lock(mutex_);
  --running_;
  disk_[device_of(demand.place)] -= demand.disk;
  memory_ -= demand.memory;
  changed_.notify_all();
}

std::string Budget::lacks(const Demand& demand) const {
  // What those that run have written already counts twice: rather one later than a full disk.
  const auto taken = disk_.find(device_of(demand.place));
  const std::uint64_t disk = demand.disk + (taken == disk_.end() ? 0 : taken->second);
  if (demand.disk > 0 && disk > free_disk_(demand.place))
    return "disk space: " + human_bytes(disk) + " are needed with those that run";
  if (demand.memory + memory_ > free_memory_())
    return "memory: " + human_bytes(demand.memory + memory_) + " may be needed with those that run";
  return {};
}

}  // namespace mhub::converters
