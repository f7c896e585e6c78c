// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/staging.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

bool written_by_mhub(const fs::path& folder) { return fs::is_regular_file(folder / kManifestName); }

void check_target(const fs::path& target, const StagingOptions& options) {
  const fs::file_status status = fs::symlink_status(target);
  if (!fs::exists(status)) return;
  const bool folder = fs::is_directory(status);
  if (folder && fs::is_empty(target)) return;  // made by the caller for us
  if (!options.overwrite)
    throw UsageError(target.string() + " exists; choose another name or pass --overwrite");
  const bool own_file = fs::is_regular_file(status) && options.ours && options.ours(target.string());
  const fs::path foreign = folder ? find_foreign(target) : own_file ? fs::path() : target;
  if (foreign.empty()) return;
  throw UsageError(foreign.string() +
                   " was not written by mhub, so that --overwrite does not remove it; move it away or choose "
                   "another name for the output");
}

bool rename_with(const std::string& from, const std::string& to, unsigned flags) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0) return true;
  // File systems without the flags (NFS among them) say EINVAL.
  if (errno != EINVAL && errno != ENOSYS) throw IoError("cannot rename " + from + " to", to, errno);
  return false;
}

void rename_plainly(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw IoError("cannot rename " + from + " to", to, errno);
}

/// Gives `target` the name of `staged` and the other way round; at no time are both gone.
void swap_folders(const std::string& staged, const std::string& target) {
  if (rename_with(staged, target, RENAME_EXCHANGE)) return;
  const std::string aside = staged + ".old";
  rename_plainly(target, aside);
  try {
    rename_plainly(staged, target);
  } catch (const IoError&) {
    rename_plainly(aside, target);
    throw;
  }
  rename_plainly(aside, staged);
}

/// The mark of a partial folder, and what is locked.
constexpr const char* kPartialMark = ".mhub-partial";

bool exists(const fs::path& path) { return fs::exists(fs::symlink_status(path)); }

}  // namespace

StagingDirectory::StagingDirectory(std::string target, const StagingOptions& options)
    : target_(std::move(target)), options_(options) {
  if (target_.empty()) throw UsageError("the output folder's name is empty");
  fs::path final_path = fs::absolute(target_).lexically_normal();
  if (!final_path.has_filename()) final_path = final_path.parent_path();  // "out/", "."
  check_target(final_path, options_);
  std::error_code error;
  fs::create_directories(final_path.parent_path(), error);
  if (error) throw IoError("cannot create folder", final_path.parent_path().string(), error.value());
  target_ = final_path.string();
  path_ = (final_path.parent_path() / ("." + final_path.filename().string() + ".mhub-partial")).string();
  take_partial(options_.resume);
}

void StagingDirectory::take_partial(bool resume) {
  const fs::path mark = fs::path(path_) / kPartialMark;
  if (::mkdir(path_.c_str(), 0755) != 0) {
    if (errno != EEXIST) throw IoError("cannot create folder", path_, errno);
    // Without the mark it is a folder that was just made, or the old output that a killed run had swapped
    // out.
    const bool folder = fs::is_directory(fs::symlink_status(path_));
    const bool marked = folder && fs::is_regular_file(fs::symlink_status(mark));
    std::error_code gone;
    if (!folder || (!marked && !fs::is_empty(path_, gone) && !gone && !written_by_mhub(path_)))
      throw UsageError(path_ +
                       " is in the way and was not written by mhub; remove it or choose another output name");
    resumed_ = resume && marked;
  }
  // Somebody else's folder can get its final name between any two of these steps.
  const UsageError just_finished(target_ + ": another mhub has just written it");
  lock_ = Descriptor(::open(mark.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (lock_.get() < 0 && errno == ENOENT) throw just_finished;
  if (lock_.get() < 0) throw IoError("cannot create", mark.string(), errno);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
    throw UsageError(target_ + ": another mhub is writing it");
  struct stat locked {
  }, named{};
  if (::fstat(lock_.get(), &locked) != 0 || ::stat(mark.c_str(), &named) != 0 ||
      locked.st_ino != named.st_ino)
    throw just_finished;
  if (resumed_) return;
  for (const auto& entry : fs::directory_iterator(path_)) {
    if (entry.path().filename() != kPartialMark) fs::remove_all(entry.path());
  }
}

StagingDirectory::~StagingDirectory() {
  if (committed_ || keep_) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void StagingDirectory::commit() {
  for (const auto& entry : fs::recursive_directory_iterator(path_)) {
    if (entry.is_directory()) sync_directory(entry.path().string());
  }
  sync_directory(path_);
  check_target(target_, options_);
  fs::remove(fs::path(path_) / kPartialMark);
  const bool replace = fs::exists(target_);
  if (replace) {
    swap_folders(path_, target_);
  } else if (!rename_with(path_, target_, RENAME_NOREPLACE)) {
    rename_plainly(path_, target_);
  }
  committed_ = true;
  sync_directory(fs::path(target_).parent_path().string());
  if (replace && fs::is_directory(path_)) remove_written(path_);
  fs::remove(path_);
}

void StagingDirectory::commit_file(const std::string& name) {
  check_target(target_, options_);
  const std::string staged = (fs::path(path_) / name).string();
  if (exists(target_) || !rename_with(staged, target_, RENAME_NOREPLACE)) rename_plainly(staged, target_);
  sync_directory(fs::path(target_).parent_path().string());
  keep_ = false;  // the folder goes with the destructor
}

}  // namespace mhub
