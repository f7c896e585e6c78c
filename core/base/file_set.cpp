#include "mhub/base/file_set.hpp"

#include <filesystem>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

class FolderFiles final : public FileSet {
 public:
  explicit FolderFiles(std::string folder) : folder_(std::move(folder)) {}
  bool has(const std::string& name) const override { return fs::is_regular_file(fs::path(folder_) / name); }
  std::string read(const std::string& name, std::uint64_t limit) const override {
    return read_file(place(name), limit);
  }
  std::string place(const std::string& name) const override { return (fs::path(folder_) / name).string(); }

 private:
  std::string folder_;
};

class ArchiveFiles final : public FileSet {
 public:
  ArchiveFiles(std::string archive, std::map<std::string, std::shared_ptr<const ByteSource>> files)
      : archive_(std::move(archive)), files_(std::move(files)) {}
  bool has(const std::string& name) const override { return files_.contains(name); }
  std::string read(const std::string& name, std::uint64_t limit) const override {
    const auto found = files_.find(name);
    if (found == files_.end()) throw IoError(place(name) + ": no such file in the archive");
    const ByteSource& bytes = *found->second;
    if (bytes.size() > limit)
      throw InputError(place(name) + ": " + std::to_string(bytes.size()) + " bytes, expected at most " +
                       std::to_string(limit));
    std::string content(bytes.size(), '\0');
    bytes.read(0, std::as_writable_bytes(std::span(content)));
    return content;
  }
  std::string place(const std::string& name) const override { return archive_ + ": " + name; }

 private:
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
