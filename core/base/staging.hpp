// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "mhub/base/file.hpp"
#include "mhub/base/written_files.hpp"

namespace mhub {

/// Asked of a StagingDirectory.
struct StagingOptions {
  bool overwrite = false;  ///< replace what mhub wrote, if there is nothing else in it (find_foreign)
  bool resume = false;     ///< go on in the partial folder of an interrupted run, if there is one
  /// Says whether mhub wrote a file; absent: it never did.
  std::function<bool(const std::string&)> ours;
};

/// A folder (or, for formats of one file, that file) that is built under a sibling name
/// ("<parent>/.<name>.mhub-partial") and appears under its final name complete or not at all. The partial
/// folder is locked while somebody works in it. An interrupted run leaves it behind when it was told to keep
/// it.
class StagingDirectory {
 public:
  /// Throws UsageError when `target` exists and is not an empty folder, unless `overwrite` and mhub wrote all
  /// of it: mhub never deletes what it did not write. Missing parents are created. Throws UsageError when
  /// another process works on the same target, or for a partial folder that is not mhub's.
  StagingDirectory(std::string target, const StagingOptions& options);
  /// Removes the partial folder unless committed or kept.
  ~StagingDirectory();
  StagingDirectory(const StagingDirectory&) = delete;
  StagingDirectory& operator=(const StagingDirectory&) = delete;

  /// Where to write.
  const std::string& path() const { return path_; }
  /// The final name, absolute.
  const std::string& target() const { return target_; }
  /// True when an interrupted run's folder was taken over.
  bool resumed() const { return resumed_; }
  /// From now on the partial folder survives a failure.
  void keep() { keep_ = true; }
  /// Takes keep back.
  void discard() { keep_ = false; }
  /// Flushes the names of all folders inside and renames. An old folder at the target is swapped out first
  /// and removed afterwards.
  void commit();
  /// The same for a target that is one file: `name` inside the partial folder gets the final name, the rest
  /// is removed. An old file is replaced if `overwrite` was given.
  void commit_file(const std::string& name);

 private:
  void take_partial(bool resume);

  std::string target_, path_;
  StagingOptions options_;
  Descriptor lock_;
  bool resumed_ = false, keep_ = false, committed_ = false;
};

}  // namespace mhub
