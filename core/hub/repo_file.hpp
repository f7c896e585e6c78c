// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mhub {

/// A file of a repository at one commit, as the Hub lists it.
struct RepoFile {
  std::string name;         ///< "config.json", "onnx/model.onnx"
  std::uint64_t size = 0;   ///< of the file itself, also where git has a pointer to it
  std::string sha1;         ///< of its blob in git (for a pointer: of that)
  std::string sha256 = {};  ///< of the file, where it is large; else empty
  std::string xet = {};     ///< its hash in Xet, which only other tools use

  /// What the cache calls it: the ETag that the Hub sends for it.
  const std::string& etag() const { return sha256.empty() ? sha1 : sha256; }
  bool operator==(const RepoFile&) const = default;
};
using RepoFiles = std::vector<RepoFile>;

/// The file of that name, or nullptr.
const RepoFile* find_file(const RepoFiles& files, const std::string& name);

}  // namespace mhub
