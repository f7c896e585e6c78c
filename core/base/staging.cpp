#include "mhub/base/staging.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <utility>
#include <vector>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

void check_target(const fs::path& target, bool overwrite) {
  if (!fs::exists(fs::symlink_status(target))) return;
  std::error_code unreadable;
  if (fs::is_directory(target) && fs::is_empty(target, unreadable) && !unreadable)
    return;  // made by the caller for us
  if (!overwrite) throw UsageError(target.string() + " exists; choose another name or pass --overwrite");
  if (!fs::is_regular_file(target / kManifestName)) {
    throw UsageError(target.string() + " was not written by mhub (no " + kManifestName +
                     " in it); remove it yourself or choose another name");
  }
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

}  // namespace

StagingDirectory::StagingDirectory(std::string target, bool overwrite)
    : target_(std::move(target)), overwrite_(overwrite) {
  if (target_.empty()) throw UsageError("the output folder's name is empty");
  fs::path final_path = fs::absolute(target_).lexically_normal();
  if (!final_path.has_filename()) final_path = final_path.parent_path();  // "out/", "."
  check_target(final_path, overwrite_);
  std::error_code error;
  fs::create_directories(final_path.parent_path(), error);
  if (error) throw IoError("cannot create folder", final_path.parent_path().string(), error.value());
  std::string name =
      (final_path.parent_path() / ("." + final_path.filename().string() + ".mhub-XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr) throw IoError("cannot create folder", name, errno);
  target_ = final_path.string();
  path_ = name;
  fs::permissions(path_,
                  fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                      fs::perms::others_read | fs::perms::others_exec,
                  error);
}

StagingDirectory::~StagingDirectory() {
  if (committed_) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void StagingDirectory::commit() {
  for (const auto& entry : fs::recursive_directory_iterator(path_)) {
    if (entry.is_directory()) sync_directory(entry.path().string());
  }
  sync_directory(path_);
  check_target(target_, overwrite_);
  const bool replace = fs::exists(target_);
  if (replace) {
    swap_folders(path_, target_);
  } else if (!rename_with(path_, target_, RENAME_NOREPLACE)) {
    rename_plainly(path_, target_);
  }
  committed_ = true;
  sync_directory(fs::path(target_).parent_path().string());
  std::error_code ignored;
  if (replace) fs::remove_all(path_, ignored);
}

}  // namespace mhub
