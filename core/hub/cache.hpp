// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "mhub/hub/repo_file.hpp"
#include "mhub/hub/repo_id.hpp"

namespace mhub {

/// The folder of one repository in the Hub's cache, as huggingface_hub lays it out (README.md beside this
/// file). Reads what any of its versions wrote; writes plain blobs, relative links and refs, and deletes
/// nothing but parts of downloads.
class RepoCache {
 public:
  RepoCache(const std::filesystem::path& cache, const std::string& repo_name);

  const std::filesystem::path& folder() const { return folder_; }
  /// The commit that a revision is known to be: a commit itself, or what refs/ keeps of a branch or tag.
  std::optional<std::string> commit_of(const std::string& revision) const;
  std::filesystem::path snapshot(const std::string& commit) const { return folder_ / "snapshots" / commit; }
  /// Whether a snapshot has a file, with all its bytes: a link that leads nowhere is none.
  bool has(const std::string& commit, const std::string& name) const;
  /// Whether somebody has asked for that file of a commit and the Hub had none.
  bool known_absent(const std::string& commit, const std::string& name) const;
  /// All files of a commit, where huggingface_hub 2 keeps its list of them.
  std::optional<RepoFiles> listing(const std::string& commit) const;

  std::filesystem::path blob(const std::string& etag) const { return folder_ / "blobs" / etag; }
  /// Whether that of a file is there; one of another size is no copy of it.
  bool has_blob(const RepoFile& file) const;
  /// A download that is not complete. The first bytes of the file are in it, without holes: older versions of
  /// huggingface_hub go on where it ends, too (before its pull request 4228).
  std::filesystem::path incomplete(const std::string& etag) const;
  /// The file whose flock whoever writes a blob holds (filelock's, in huggingface_hub).
  std::filesystem::path lock(const std::string& etag) const;

  /// The ways to write; all of them atomic. Throw IoError.
  void link(const std::string& commit, const std::string& name, const std::string& etag) const;
  void set_ref(const std::string& revision, const std::string& commit) const;
  void set_absent(const std::string& commit, const std::string& name) const;

 private:
  std::filesystem::path cache_, folder_;
};

/// A 40-digit hash.
bool is_commit(std::string_view text);

/// A folder of a cache ("models--org--name"): the repository that it is of. Nothing for other folders.
std::optional<std::string> repo_of_folder(const std::filesystem::path& folder);

/// A file of a snapshot: the ETag that names its content. Nothing for other files.
std::optional<std::string> etag_of_file(const std::filesystem::path& file);

}  // namespace mhub
