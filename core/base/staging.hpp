// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "mhub/base/file.hpp"
#include "mhub/base/written_files.hpp"

namespace mhub {

/// The partial folder of an output.
std::string partial_folder(const std::string& target);

/// Whether an output of that name has to replace something: an empty folder does not count.
bool is_taken(const std::string& target);

/// Asked of a StagingDirectory.
struct StagingOptions {
  bool overwrite = false;  ///< replace what mhub wrote, if there is nothing else in it (find_foreign)
  bool resume = false;     ///< go on with the output of an interrupted run, if there is one
  bool shared = false;  ///< others write to the same partial folder; nobody gives it its final name meanwhile
  /// Says whether mhub wrote a file; absent: it never did.
  std::function<bool(const std::string&)> ours = {};
  std::string single_file =
      {};  ///< the output is one file, which is written under this name; empty: a folder
};

/// A folder (or, for formats of one file, that file) that is built in a sibling, the partial folder
/// ("<parent>/.<name>.mhub-partial"), and appears under its final name complete or not at all. An old output
/// is taken there before it is removed. The partial folder is locked from its first moment to its last, so
/// that whatever a killed run leaves in it is known to be mhub's; the next one puts it in order. A run that
/// was told to keep it leaves it behind to be resumed, and so does one that resumes.
class StagingDirectory {
 public:
  /// Throws UsageError when `target` exists and is not an empty folder, unless `overwrite` and mhub wrote all
  /// of it: mhub never deletes what it did not write. Missing parents are created. Throws UsageError when
  /// another process works on the same target, or for a partial folder that is not mhub's.
  StagingDirectory(std::string target, const StagingOptions& options);
  /// Removes the partial folder unless it is kept.
  ~StagingDirectory();
  StagingDirectory(const StagingDirectory&) = delete;
  StagingDirectory& operator=(const StagingDirectory&) = delete;

  /// Where to write.
  const std::string& path() const { return path_; }
  /// Where to write down what the next run has to know and the output does not have.
  const std::string& notes() const { return partial_; }
  /// The final name, absolute.
  const std::string& target() const { return target_; }
  /// True when an interrupted run's output was taken over.
  bool resumed() const { return resumed_; }
  /// What there is to say to the user; empty for nothing.
  const std::string& warning() const { return warning_; }
  /// From now on the partial folder survives a failure.
  void keep() { keep_ = true; }
  /// Takes keep back.
  void discard() { keep_ = false; }
  bool kept() const { return keep_; }
  /// Flushes the names of all folders inside, gives the output its name, and removes what it replaces and the
  /// partial folder. Throws IoError; where only that removal failed, the output is there and the next run
  /// goes on removing.
  void commit();

 private:
  void take_partial();
  bool restore() const;
  void clear(bool resume) const;
  void remove_partial();

  std::string target_, partial_, path_, warning_;
  StagingOptions options_;
  Descriptor lock_;
  bool resumed_ = false, keep_ = false;
};

}  // namespace mhub
