// SPDX-License-Identifier: Apache-2.0
#include "executors.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "converters/shares.hpp"
#include "mhub/base/error.hpp"

namespace mhub::converters {
namespace {

using Words = std::vector<std::string>;

std::unique_ptr<Executor> make_local(const Recipe& recipe, const ExecutorSettings& settings,
                                     std::function<JobContext(std::size_t)> context) {
  return local_executor(recipe, settings.at_once, std::move(context));
}

constexpr std::array<ExecutorKind, 3> kKinds{
    {{"local", "threads of this process (default)", false, make_local},
     {"slurm", "jobs of a Slurm cluster, which this process follows", true, slurm_executor},
     {"mpi", "each conversion by the ranks of mpirun", false, mpi_executor}}};

/// Options that only some executors have.
struct OwnOption {
  const char* name;
  std::array<std::string_view, 2> executors;
};
constexpr std::array<OwnOption, 10> kOwn{{{"parts", {"slurm", "mpi"}},
                                          {"partition", {"slurm"}},
                                          {"account", {"slurm"}},
                                          {"time", {"slurm"}},
                                          {"slurm-option", {"slurm"}},
                                          {"resubmit", {"slurm"}},
                                          {"poll", {"slurm"}},
                                          {"cancel", {"slurm"}},
                                          {"mpirun", {"mpi"}},
                                          {"mpi-option", {"mpi"}}}};

void require_own(const CommandLine& line, const std::string& executor) {
  for (const OwnOption& option : kOwn) {
    if (!line.has(option.name) || option.executors[0] == executor || option.executors[1] == executor)
      continue;
    std::string others(option.executors[0]);
    if (!option.executors[1].empty()) others += " or " + std::string(option.executors[1]);
    throw UsageError("--" + std::string(option.name) + " goes with --executor " + others);
  }
}

}  // namespace

std::span<const ExecutorKind> executor_kinds() { return kKinds; }

void declare_executors(CommandLine& line) {
  line.add()("executor", po::value<std::string>()->default_value("local"),
             "where entries run: local, slurm (jobs that this process follows) or mpi (each conversion under "
             "mpirun)")("parts", po::value<std::string>(),
                        "slurm, mpi: processes that share each conversion (or parts: N in the recipe)")(
      "partition", po::value<std::string>(), "slurm: as sbatch's")(
      "account", po::value<std::string>(), "slurm: as sbatch's")("time", po::value<std::string>(),
                                                                 "slurm: as sbatch's, of each job")(
      "slurm-option", po::value<Words>()->composing(), "slurm: another word for sbatch; repeatable")(
      "resubmit", po::value<std::string>(), "slurm: how often lost jobs of an entry are submitted again (3)")(
      "poll", po::value<double>(), "slurm: seconds between two looks at the queue (5)")(
      "cancel", "slurm: cancel the jobs of this recipe that are queued or running, and do nothing else")(
      "mpirun", po::value<std::string>(), "mpi: the program (mpirun)")(
      "mpi-option", po::value<Words>()->composing(), "mpi: another word for it; repeatable");
}

ExecutorSettings executor_settings(const CommandLine& line) {
  ExecutorSettings settings;
  settings.name = line.get<std::string>("executor");
  const auto known = std::find_if(kKinds.begin(), kKinds.end(),
                                  [&](const ExecutorKind& kind) { return settings.name == kind.name; });
  if (known == kKinds.end())
    throw UsageError("--executor: expected local, slurm or mpi, found \"" + settings.name + "\"");
  require_own(line, settings.name);
  if (const auto parts = line.find<std::string>("parts")) settings.parts = parse_parts("--parts", *parts);
  settings.partition = line.find<std::string>("partition").value_or("");
  settings.account = line.find<std::string>("account").value_or("");
  settings.time = line.find<std::string>("time").value_or("");
  settings.more = line.find<Words>(settings.name == "mpi" ? "mpi-option" : "slurm-option").value_or(Words{});
  settings.launcher = line.find<std::string>("mpirun").value_or(settings.launcher);
  if (const auto times = line.find<std::string>("resubmit")) settings.resubmissions = parse_jobs(*times);
  settings.poll = line.find<double>("poll").value_or(settings.poll);
  if (!(settings.poll >= 0.1 && settings.poll <= 3600))
    throw UsageError("--poll: expected 0.1 .. 3600 seconds");
  return settings;
}

std::unique_ptr<Executor> make_executor(const Recipe& recipe, const ExecutorSettings& settings,
                                        std::function<JobContext(std::size_t)> context) {
  const auto kind = std::find_if(kKinds.begin(), kKinds.end(),
                                 [&](const ExecutorKind& one) { return settings.name == one.name; });
  return kind->make(recipe, settings, std::move(context));
}

std::string own_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

}  // namespace mhub::converters
