// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <span>

#include "converters/options.hpp"
#include "executor.hpp"

namespace mhub::converters {

/// What is asked of executors on the command line of `mhub run`.
struct ExecutorSettings {
  std::string name;         ///< of one of the table
  std::size_t at_once = 1;  ///< entries that run at a time
  int parts = 0;            ///< processes that share a conversion; 0: not said
  std::vector<std::string>
      command;  ///< `mhub run RECIPE` with what changes the recipe and how entries are tried
  std::string partition = {}, account = {}, time = {};  ///< of Slurm
  std::vector<std::string> more = {};                   ///< words for sbatch or mpirun, as they are
  int resubmissions = 3;                                ///< of an entry's lost jobs
  double poll = 5;                                      ///< seconds between two looks at the queue
  std::string launcher = "mpirun";
};

/// One kind of executor.
struct ExecutorKind {
  const char* name;
  const char* help;
  bool takes_all;  ///< others wait for their turn elsewhere: all entries are given to it at once
  std::unique_ptr<Executor> (*make)(const Recipe&, const ExecutorSettings&,
                                    std::function<JobContext(std::size_t entry)>);
};
std::span<const ExecutorKind> executor_kinds();

/// The options of executors.
void declare_executors(CommandLine& line);
/// What they say; throws UsageError for what the executor does not know. `at_once` and `command` are left.
ExecutorSettings executor_settings(const CommandLine& line);
std::unique_ptr<Executor> make_executor(const Recipe& recipe, const ExecutorSettings& settings,
                                        std::function<JobContext(std::size_t entry)> context);

/// The path of this program, for processes that are to do a part of its work.
std::string own_program();

std::unique_ptr<Executor> mpi_executor(const Recipe& recipe, const ExecutorSettings& settings,
                                       std::function<JobContext(std::size_t entry)> context);
std::unique_ptr<Executor> slurm_executor(const Recipe& recipe, const ExecutorSettings& settings,
                                         std::function<JobContext(std::size_t entry)> context);
/// Cancels all jobs of these entries (all, where none are named); returns how many.
std::size_t cancel_slurm_jobs(const Recipe& recipe, const std::set<std::size_t>& only);

}  // namespace mhub::converters
