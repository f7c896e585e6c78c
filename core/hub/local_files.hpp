// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mhub {

/// A file on its way to the Hub.
struct LocalFile {
  std::string name;  ///< in the repository
  std::string path;
  std::uint64_t size = 0;
  std::string fingerprint = {};  ///< of the file that was hashed (base/file.hpp)
  std::string hash = {};         ///< what the Hub calls it (etag.hpp)
  // What the Hub says of it:
  bool large = false;      ///< goes up on its own, and the commit names its hash
  bool ignored = false;    ///< by the .gitignore
  std::string there = {};  ///< the hash of what has that name now; empty: nothing
};
using LocalFiles = std::vector<LocalFile>;

/// All files of a folder, but for what huggingface_hub leaves out, too: .git, and .cache/huggingface, where
/// it keeps notes of its own. Links to files are files. Throws InputError for what cannot be uploaded, so
/// that nothing is left out in silence.
LocalFiles files_of_folder(const std::string& folder);
/// The first bytes, by which the Hub tells text from other files.
std::string sample_of(const LocalFile& file);
/// Sets the hash of a file, which `on_bytes` is told of as it is read.
void hash_file(LocalFile& file, const std::function<void(std::uint64_t)>& on_bytes);
/// Throws IoError where a file is not what was hashed any more.
void require_unchanged(const LocalFile& file);

}  // namespace mhub
