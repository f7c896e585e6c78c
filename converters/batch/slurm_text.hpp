// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "executors.hpp"

namespace mhub::converters {

/// A job, or an array of them, to be submitted.
struct Submission {
  std::string name;
  std::string folder;                   ///< gets its script, its logs and what it reports
  std::vector<int> tasks = {};          ///< of an array: the parts; empty for one job
  int parts = 0;                        ///< of the conversion that it carries out one of, or finishes
  std::vector<std::string> after = {};  ///< jobs that must have ended well
};

/// The command line of sbatch. `command` runs the entry: it goes to the script word by word, which is one
/// that runs its arguments, so that no shell reads any of them.
std::vector<std::string> sbatch_command(const ExecutorSettings& settings, const Submission& job,
                                        const std::vector<std::string>& command);
/// That script.
std::string job_script(const Submission& job);
/// "1-3,7"
std::string task_list(std::vector<int> tasks);

/// The number of a job that sbatch --parsable has submitted; throws IoError.
std::string parse_sbatch(const std::string& text);

/// A line of squeue: a job, or a task of an array.
struct QueuedJob {
  std::string id;  ///< of the array
  int task = -1;   ///< -1: no array
  std::string state, reason, nodes, name;

  /// It will run or runs.
  bool active() const;
  /// It waits for one that did not end well, or for a person.
  bool stuck() const;
};
std::vector<std::string> squeue_command();
std::vector<QueuedJob> parse_squeue(const std::string& text);

}  // namespace mhub::converters
