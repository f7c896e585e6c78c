// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/staging.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

// What a partial folder holds.
constexpr const char* kMark = ".mhub-partial";  // says that it is one, and is locked
constexpr const char* kOutput = "output";       // what is being written
constexpr const char* kReady = "ready";         // it, complete; then the old one that had its name
constexpr const char* kReplaced = "replaced";   // the old one, where names cannot change places at once

bool exists(const fs::path& path) { return fs::exists(fs::symlink_status(path)); }

fs::path final_path_of(const std::string& target) {
  const fs::path path = fs::absolute(target).lexically_normal();
  return path.has_filename() ? path : path.parent_path();  // "out/", "."
}

void check_target(const fs::path& target, const StagingOptions& options) {
  const fs::file_status status = fs::symlink_status(target);
  if (!fs::exists(status)) return;
  const bool folder = fs::is_directory(status);
  if (folder && !options.single_file.empty())
    throw UsageError(target.string() + " is a folder, but the output is one file; choose another name");
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

}  // namespace

std::string partial_folder(const std::string& target) {
  const fs::path path = final_path_of(target);
  return (path.parent_path() / ("." + path.filename().string() + ".mhub-partial")).string();
}

bool is_taken(const std::string& target) {
  const fs::path path = final_path_of(target);
  const fs::file_status status = fs::symlink_status(path);
  return fs::exists(status) && !(fs::is_directory(status) && fs::is_empty(path));
}

StagingDirectory::StagingDirectory(std::string target, const StagingOptions& options)
    : target_(std::move(target)), options_(options) {
  if (target_.empty()) throw UsageError("the output's name is empty");
  const fs::path final_path = final_path_of(target_);
  check_target(final_path, options_);
  std::error_code error;
  fs::create_directories(final_path.parent_path(), error);
  if (error) throw IoError("cannot create folder", final_path.parent_path().string(), error.value());
  target_ = final_path.string();
  partial_ = partial_folder(target_);
  path_ = partial_ + "/" + kOutput;
  take_partial();
  if (options_.shared) {
    keep_ = true;
    if (::mkdir(path_.c_str(), 0755) != 0 && errno != EEXIST)
      throw IoError("cannot create folder", path_, errno);
    return;
  }
  if (restore()) check_target(final_path, options_);
  resumed_ = options_.resume && fs::is_directory(fs::symlink_status(path_));
  clear(resumed_);
  keep_ = resumed_;  // who does not begin to write loses nothing of what is there
  if (!resumed_ && ::mkdir(path_.c_str(), 0755) != 0) throw IoError("cannot create folder", path_, errno);
}

void StagingDirectory::take_partial() {
  const std::string mark = partial_ + "/" + kMark;
  if (::mkdir(partial_.c_str(), 0755) != 0 && errno != EEXIST)
    throw IoError("cannot create folder", partial_, errno);
  const UsageError in_the_way(partial_ +
                              " is in the way and is not a partial folder of yours; remove it or choose "
                              "another name for the output");
  // Somebody else's folder can get its final name between any two of these steps.
  const UsageError just_finished(target_ + ": another mhub has just written it");
  const Descriptor folder(::open(partial_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat own {
  }, locked{}, named{};
  if (folder.get() < 0 && errno == ENOENT) throw just_finished;
  if (folder.get() < 0 && (errno == ENOTDIR || errno == ELOOP)) throw in_the_way;
  if (folder.get() < 0 || ::fstat(folder.get(), &own) != 0) throw IoError("cannot open", partial_, errno);
  if (own.st_uid != ::geteuid()) throw in_the_way;
  // Without its mark it has just been made, or was about to go.
  std::error_code error;
  const int create = fs::is_empty(partial_, error) ? O_CREAT : 0;
  if (error && error != std::errc::no_such_file_or_directory)
    throw IoError("cannot read", partial_, error.value());
  lock_ = Descriptor(::openat(folder.get(), kMark, O_RDWR | O_CLOEXEC | O_NOFOLLOW | create, 0644));
  if (lock_.get() < 0 && errno != ENOENT) throw IoError("cannot open", mark, errno);
  if (lock_.get() < 0) throw exists(partial_) && !fs::is_empty(partial_, error) ? in_the_way : just_finished;
  if (::fstat(lock_.get(), &locked) != 0) throw IoError("cannot stat", mark, errno);
  if (!S_ISREG(locked.st_mode)) throw in_the_way;
  if (::flock(lock_.get(), (options_.shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) throw UsageError(target_ + ": another mhub is writing it");
    // Some network and FUSE file systems have no locks.
    const bool unsupported = errno == ENOSYS || errno == EOPNOTSUPP || errno == ENOLCK || errno == EINVAL;
    if (!unsupported) throw IoError("cannot lock", mark, errno);
    warning_ = partial_ + " cannot be locked (" + std::strerror(errno) +
               "): nothing keeps two mhub from writing to one place at once there";
  }
  if (::lstat(mark.c_str(), &named) != 0 && errno != ENOENT) throw IoError("cannot stat", mark, errno);
  if (locked.st_ino != named.st_ino) throw just_finished;
}

/// Gives an old output its name back where the new one did not come; whether that was so.
bool StagingDirectory::restore() const {
  const std::string replaced = partial_ + "/" + kReplaced;
  if (!exists(replaced) || exists(target_)) return false;
  rename_plainly(replaced, target_);
  return true;
}

/// Empties the partial folder but for its mark and, to resume, what an interrupted run was writing.
void StagingDirectory::clear(bool resume) const {
  for (const fs::directory_entry& entry : fs::directory_iterator(partial_)) {
    const fs::path name = entry.path().filename();
    const bool complete = name == kReady || name == kReplaced;
    if (name == kMark || (resume && !complete)) continue;
    if (complete && fs::is_directory(entry.symlink_status())) {
      remove_written(entry.path());
    } else {
      fs::remove_all(entry.path());
    }
  }
}

void StagingDirectory::remove_partial() {
  restore();
  clear(false);
  // The mark goes when nothing else is there. Another run may begin anew in the folder before it can go.
  fs::remove(fs::path(partial_) / kMark);
  ::rmdir(partial_.c_str());
  lock_ = Descriptor();
}

StagingDirectory::~StagingDirectory() {
  if (lock_.get() < 0 || keep_) return;
  try {
    remove_partial();
  } catch (const std::runtime_error&) {
    // The next run finds it and goes on.
  }
}

void StagingDirectory::commit() {
  for (const auto& entry : fs::recursive_directory_iterator(path_)) {
    if (entry.is_directory()) sync_directory(entry.path().string());
  }
  sync_directory(path_);
  check_target(target_, options_);
  const std::string& file = options_.single_file;
  const std::string ready = partial_ + "/" + kReady;
  rename_plainly(file.empty() ? path_ : path_ + "/" + file, ready);
  keep_ = false;  // nothing is left that could be resumed
  if (!exists(target_)) {
    if (!rename_with(ready, target_, RENAME_NOREPLACE)) rename_plainly(ready, target_);
  } else if (!file.empty()) {
    rename_plainly(ready, target_);
  } else if (!rename_with(ready, target_, RENAME_EXCHANGE)) {
    rename_plainly(target_, partial_ + "/" + kReplaced);
    rename_plainly(ready, target_);
  }
  sync_directory(fs::path(target_).parent_path().string());
  try {
    remove_partial();
  } catch (const std::runtime_error& error) {
    throw IoError(target_ + " is complete, but what it replaces is not removed yet: " + error.what() +
                  "; the next run to this name tries again");
  }
}

}  // namespace mhub
