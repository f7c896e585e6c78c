// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/file_set.hpp"

#include <algorithm>
#include <array>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

namespace mhub {
namespace {

constexpr int kDeepestFolder = 8;

bool is_hidden(const fs::path& path) { return path.filename().native().starts_with("."); }

/// What version control, the Hub's client, notebooks and desktops leave in a model's folder.
bool is_housekeeping(const std::string& name) {
  constexpr std::array<std::string_view, 9> kNames{
      ".git",         ".gitattributes", ".gitignore",         ".gitmodules", ".cache",
      ".huggingface", ".DS_Store",      ".ipynb_checkpoints", ".locks"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

class FolderFiles final : public FileSet {
 public:
  explicit FolderFiles(std::string folder) : folder_(std::move(folder)) {}
  bool has(const std::string& name) const override { return fs::is_regular_file(fs::path(folder_) / name); }
  std::string read(const std::string& name, std::uint64_t limit) const override {
    return read_file(place(name), limit);
  }
  std::vector<std::string> names(const std::string& folder) const override {
    std::vector<std::string> names =
        found(fs::path(folder_) / folder, [](const fs::path& path, const fs::file_status& status, bool) {
          return !is_hidden(path) && fs::is_regular_file(status);
        });
    std::sort(names.begin(), names.end());
    return names;
  }
  std::vector<std::string> others() const override {
    return found(folder_, [](const fs::path& path, const fs::file_status& status, bool deepest) {
      if (is_hidden(path)) return !is_housekeeping(path.filename().string());
      return fs::is_directory(status) ? deepest : !fs::is_regular_file(status);
    });
  }
  std::uint64_t size(const std::string& name) const override {
    std::error_code error;
    const std::uint64_t size = fs::file_size(place(name), error);
    if (error) throw IoError("cannot stat", place(name), error.value());
    return size;
  }
  std::string place(const std::string& name) const override { return (fs::path(folder_) / name).string(); }
  const std::string& source() const override { return folder_; }

 private:
  /// What is `wanted(path, status, whether it lies as deep as is looked)` below a folder, with its path from
  /// folder_.
  template <class Wanted>
  std::vector<std::string> found(const fs::path& root, Wanted wanted) const {
    std::vector<std::string> names;
    if (!fs::is_directory(root)) return names;
    for (fs::recursive_directory_iterator at(root), end; at != end; ++at) {
      const bool deepest = at.depth() == kDeepestFolder;
      if (is_hidden(at->path()) || deepest) at.disable_recursion_pending();
      std::error_code error;
      const fs::file_status status = at->status(error);
      // A link to nothing, to itself or to what is forbidden is named by others(); a broken disk is no reason
      // to leave a file behind.
      const bool odd = is_absence(error) || error == std::errc::too_many_symbolic_link_levels ||
                       error == std::errc::permission_denied;
      if (error && !odd) throw IoError("cannot stat", at->path().string(), error.value());
      if (wanted(at->path(), status, deepest))
        names.push_back(at->path().lexically_relative(folder_).generic_string());
    }
    return names;
  }

  std::string folder_;
};

class ArchiveFiles final : public FileSet {
 public:
  ArchiveFiles(std::string archive, std::map<std::string, std::shared_ptr<const ByteSource>> files,
               std::vector<std::string> others)
      : archive_(std::move(archive)), files_(std::move(files)), others_(std::move(others)) {}
  bool has(const std::string& name) const override { return files_.contains(name); }
  std::string read(const std::string& name, std::uint64_t limit) const override {
    return read_all(found(name), place(name), limit);
  }
  std::vector<std::string> names(const std::string& folder) const override {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files_) {
      if (folder.empty() || name.starts_with(folder + "/")) names.push_back(name);
    }
    return names;
  }
  std::vector<std::string> others() const override { return others_; }
  std::uint64_t size(const std::string& name) const override { return found(name).size(); }
  std::string place(const std::string& name) const override { return archive_ + ": " + name; }
  const std::string& source() const override { return archive_; }

 private:
  const ByteSource& found(const std::string& name) const {
    const auto found = files_.find(name);
    if (found == files_.end()) throw IoError(place(name) + ": no such file in the archive");
    return *found->second;
  }

  std::string archive_;
  std::map<std::string, std::shared_ptr<const ByteSource>> files_;
  std::vector<std::string> others_;
};

}  // namespace

std::shared_ptr<const FileSet> folder_files(const std::string& folder) {
  return std::make_shared<FolderFiles>(folder);
}

std::shared_ptr<const FileSet> archive_files(const std::string& archive,
                                             std::map<std::string, std::shared_ptr<const ByteSource>> files,
                                             std::vector<std::string> others) {
  return std::make_shared<ArchiveFiles>(archive, std::move(files), std::move(others));
}

}  // namespace mhub
