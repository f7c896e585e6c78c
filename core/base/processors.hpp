// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace mhub {

/// How many processors this process may keep busy, at least 1: those of its affinity, no more than the quota
/// of its control groups (a container's) and than Slurm says that it has here. A batch system or a container
/// gives some of a machine's; threads beyond them only wait for each other.
int usable_processors();

/// A control group's cpu.max ("200000 100000": 2 processors, "max 100000": all), rounded up; nothing where
/// there is no limit. https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
std::optional<int> cgroup_quota(const std::string& cpu_max);

/// What Slurm gives a task here, by its environment: SLURM_CPUS_PER_TASK, else SLURM_CPUS_ON_NODE (sbatch(1),
/// "OUTPUT ENVIRONMENT VARIABLES"). Not every cluster also binds its tasks. `variable` is "" where there is
/// none.
std::optional<int> slurm_processors(const std::function<std::string(const char*)>& variable);

}  // namespace mhub
