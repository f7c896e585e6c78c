#pragma once

#include <string>

namespace mhub {

/// The file that marks a folder as written by mhub.
inline constexpr const char* kManifestName = "mhub_manifest.json";

/// A folder that is built under a temporary sibling name ("<parent>/.<name>.mhub-<random>") and appears under
/// its final name complete or not at all.
class StagingDirectory {
 public:
  /// Throws UsageError when `target` exists and is not an empty folder, unless `overwrite` and the folder
  /// carries mhub's manifest: mhub never deletes what it did not write. Missing parents are created.
  StagingDirectory(std::string target, bool overwrite);
  /// Removes the temporary folder unless committed.
  ~StagingDirectory();
  StagingDirectory(const StagingDirectory&) = delete;
  StagingDirectory& operator=(const StagingDirectory&) = delete;

  /// Where to write.
  const std::string& path() const { return path_; }
  /// Flushes the names of all folders inside and renames. An old folder at the target is swapped out first
  /// and removed afterwards.
  void commit();

 private:
  std::string target_, path_;
  bool overwrite_, committed_ = false;
};

}  // namespace mhub
