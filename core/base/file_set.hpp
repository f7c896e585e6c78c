// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "mhub/base/byte_source.hpp"

namespace mhub {

/// The small files that lie beside a checkpoint's tensors (config.json, the tokenizer's files), whether in a
/// folder or inside an archive.
class FileSet {
 public:
  virtual ~FileSet() = default;
  virtual bool has(const std::string& name) const = 0;
  /// The whole file. Throws IoError when it is not there, InputError when it is larger than `limit`.
  virtual std::string read(const std::string& name, std::uint64_t limit) const = 0;
  /// The files of a subfolder (empty: of all) down to eight folders deeper, "a.txt", "b/c.txt", sorted;
  /// hidden ones are left out. None when there is no such folder.
  virtual std::vector<std::string> names(const std::string& folder = {}) const = 0;
  /// What names() leaves out: links that lead nowhere, pipes, folders beyond the eighth, and what is hidden,
  /// but for what version control and such tools keep in a folder. Of an archive: what is in it beside
  /// tensors and files.
  virtual std::vector<std::string> others() const = 0;
  /// In bytes. Throws IoError when the file is not there.
  virtual std::uint64_t size(const std::string& name) const = 0;
  /// What to call a file in messages.
  virtual std::string place(const std::string& name) const = 0;
  /// What to call the folder or archive itself.
  virtual const std::string& source() const = 0;
};

/// Files of a folder.
std::shared_ptr<const FileSet> folder_files(const std::string& folder);
/// Files of an archive; `archive` is its path, for messages, and `others` is what others() says.
std::shared_ptr<const FileSet> archive_files(const std::string& archive,
                                             std::map<std::string, std::shared_ptr<const ByteSource>> files,
                                             std::vector<std::string> others = {});

}  // namespace mhub
