// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "converters/recipe/recipe.hpp"
#include "mhub/base/file.hpp"
#include "outcome.hpp"

namespace mhub::converters {

/// A job that was submitted for an entry, or an array of them.
struct SubmittedJob {
  std::string id;    ///< empty: sbatch was about to be asked when this was put down
  std::string name;  ///< no other job has it
  std::string folder;
  std::vector<int> tasks;  ///< of an array; empty for the job that ends the entry
};

/// The jobs of an entry as they are put down beside its output (jobs.json in the state's folder; without an
/// output in .mhub-run/NAME of the current folder), so that another process can follow them.
struct SlurmRecord {
  std::string settings;  ///< of the conversion and the steps: others have other jobs
  int parts = 1;         ///< of the conversion
  int resubmitted = 0;   ///< times
  std::vector<SubmittedJob> jobs;

  static SlurmRecord load(const RecipeEntry& entry);
  void save(const RecipeEntry& entry) const;
  static void remove(const RecipeEntry& entry);

  /// The last one that ends the entry; nullptr for none.
  const SubmittedJob* last() const;
};

/// What jobs of an entry would have to have in common.
std::string jobs_settings(const RecipeEntry& entry);
/// Where jobs of an entry have their files.
std::string jobs_folder(const RecipeEntry& entry);

/// Held while the jobs of an entry are looked up and submitted: of two processes the second one finds those
/// of the first. Makes the folder. Throws IoError.
Descriptor lock_jobs(const RecipeEntry& entry);

/// What a job has left about its entry (what `mhub run --report-folder` writes), or nothing.
std::optional<EntryOutcome> reported_outcome(const RecipeEntry& entry, const SubmittedJob& job);

/// What came of a part: what `mhub run --part` leaves in its report folder.
void report_part(const std::string& folder, int part, const Failure& failure);
std::optional<Failure> reported_part(const SubmittedJob& job, int part);

}  // namespace mhub::converters
