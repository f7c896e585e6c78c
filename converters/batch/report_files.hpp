// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dashboard.hpp"
#include "schedule.hpp"

namespace mhub::converters {

/// A run as `mhub run --json` prints it and summary.json has it (output.schema.json, run).
nlohmann::json batch_json(const Recipe& recipe, const BatchOutcome& batch);

/// The files that tell of a run: in a folder entries/NAME.json of each as it ends and summary.json at the
/// end, and the HTML page, which is there from the beginning. Not thread-safe.
class ReportFiles {
 public:
  /// Each may be empty, for none. Throws UsageError or IoError for a place that cannot be written to.
  ReportFiles(const Recipe& recipe, const Dashboard& dashboard, std::string folder, std::string page);

  /// An entry has ended. What cannot be written stops no work; the end says so, if it is still so.
  void end(std::size_t entry, const EntryOutcome& outcome);
  /// All have. Throws IoError.
  void finish(const BatchOutcome& batch);

 private:
  void write_entry(std::size_t entry, const EntryOutcome& outcome);
  void write_page(const BatchOutcome& batch, bool running);

  const Recipe& recipe_;
  const Dashboard& dashboard_;
  std::string folder_, page_;
  BatchOutcome so_far_;
  double written_ = 0;
};

}  // namespace mhub::converters
