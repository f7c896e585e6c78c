// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/file_set.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

namespace mhub {
namespace {

constexpr int kDeepest = 8;

class FolderFiles final : public FileSet {
 public:
  explicit FolderFiles(std::string folder) : folder_(std::move(folder)) {}
  bool has(const std::string& name) const override { return fs::is_regular_file(fs::path(folder_) / name); }
  std::string read(const std::string& name, std::uint64_t limit) const override {
    return read_file(place(name), limit);
  }
  std::vector<std::string> names(const std::string& folder) const override {
    std::vector<std::string> names;
    const fs::path root = fs::path(folder_) / folder;
    if (!fs::is_directory(root)) return names;
    for (fs::recursive_directory_iterator at(root), end; at != end; ++at) {
      const bool hidden = at->path().filename().native().starts_with(".");
      if (hidden || at.depth() == kDeepest) at.disable_recursion_pending();
      std::error_code error;
      if (!hidden && at->is_regular_file(error))
        names.push_back(at->path().lexically_relative(folder_).generic_string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  std::vector<std::string> others() const override {
    std::vector<std::string> names;
    if (!fs::is_directory(folder_)) return names;
    for (fs::recursive_directory_iterator at(folder_), end; at != end; ++at) {
      const bool hidden = at->path().filename().native().starts_with(".");
      const bool deep = at.depth() == kDeepest && at->is_directory();
      if (hidden || at.depth() == kDeepest) at.disable_recursion_pending();
      std::error_code error;
      const fs::file_status found = at->status(error);
      if (!hidden && (deep || !(fs::is_regular_file(found) || fs::is_directory(found))))
        names.push_back(at->path().lexically_relative(folder_).generic_string());
    }
    return names;
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
  std::string folder_;
};

class ArchiveFiles final : public FileSet {
 public:
  ArchiveFiles(std::string archive, std::map<std::string, std::shared_ptr<const ByteSource>> files)
      : archive_(std::move(archive)), files_(std::move(files)) {}
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
  std::vector<std::string> others() const override { return {}; }
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
};

}  // namespace

std::shared_ptr<const FileSet> folder_files(const std::string& folder) {
  return std::make_shared<FolderFiles>(folder);
}

std::shared_ptr<const FileSet> archive_files(const std::string& archive,
                                             std::map<std::string, std::shared_ptr<const ByteSource>> files) {
  return std::make_shared<ArchiveFiles>(archive, std::move(files));
}

}  // namespace mhub
