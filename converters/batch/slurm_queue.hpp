// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "slurm_record.hpp"
#include "slurm_text.hpp"

namespace mhub::converters {

/// What squeue said last about this user's jobs, and the programs that change them.
class SlurmQueue {
 public:
  /// Asks again; false where the controller does not answer, and what it said before stays.
  bool look();
  /// Why it did not answer.
  const std::string& trouble() const { return trouble_; }

  /// The lines of a job; those of one that was being submitted by its name.
  std::vector<QueuedJob> of(const SubmittedJob& job) const;
  /// Any of it will run or runs.
  bool active(const SubmittedJob& job) const;
  bool task_active(const SubmittedJob& job, int task) const;

  /// Submits; returns the job's number. Throws IoError or, where Slurm takes no such job, UsageError.
  static std::string submit(const ExecutorSettings& settings, const Submission& job,
                            const std::vector<std::string>& command);
  /// Cancels jobs; `pending`: only what has not begun. Those that are over are none.
  static void cancel(const std::vector<std::string>& ids, bool pending);

 private:
  std::vector<QueuedJob> jobs_;
  std::string trouble_;
};

}  // namespace mhub::converters
