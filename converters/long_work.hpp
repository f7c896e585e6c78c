// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <mutex>

#include "recipe/keys.hpp"
#include "shares.hpp"

namespace mhub::converters {

/// From here on SIGINT and SIGTERM only set a flag; a second one ends the process at once, and so does the
/// first where work goes on for five seconds. A mapped file that is cut off while it is read ends the process
/// with a line that names the file, and exit code 4.
void catch_signals();
/// Whether a signal has come since. Cheap.
bool interrupted();

/// Shows how far long work is, on stderr: for each stage one redrawn line with a bar, rate and time left on a
/// terminal, a plain line every five seconds elsewhere (none for work that is done before). Thread-safe.
class ProgressBar {
 public:
  /// A silent one prints nothing.
  explicit ProgressBar(bool silent);
  /// Ends the line.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void show(const Progress& progress);
  /// What the library calls: this bar, and whether the user wants to stop. Borrows the bar.
  Callbacks callbacks();

 private:
  void print();
  void end_stage();

  bool silent_, terminal_, printed_ = false;
  std::string stage_;
  std::uint64_t done_ = 0, total_ = 0;
  std::chrono::steady_clock::time_point start_, last_;
  std::mutex mutex_;
};

/// Works a conversion out; a source on the Hub is brought here, with its progress on stderr unless `silent`.
Conversion planned(const ConvertRequest& request, bool silent);

/// Carries a conversion out, with its progress on stderr unless `silent`; the library's report.
nlohmann::json carry_out(const Conversion& conversion, const ConvertRequest& request, bool silent);

/// The same as one of several ranks; only the first one shows progress.
nlohmann::json carry_out_rank(const Conversion& conversion, const ConvertRequest& request, const Rank& rank,
                              bool silent);

/// A sentence for the user, on stderr.
void print_note(const std::string& note);
/// What had to be assumed about a model that is not converted, on stderr.
void print_notes(const Checkpoint& checkpoint);

/// Such a report for people, on stdout.
void print_report(const nlohmann::json& report);
/// ", 2.47 GB in blocks of the source's files" of a report of which that is true; else nothing.
std::string shared_text(const nlohmann::json& report);

}  // namespace mhub::converters
