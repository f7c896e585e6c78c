// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/temporary_folder.hpp"
#include "mhub/base/file.hpp"
#include "mhub/hub/cache.hpp"

namespace mhub::tests {

inline const std::string kCommit(40, 'c');

inline void put(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::create_directories(path.parent_path());
  replace_file(path.string(), content);
}

/// A cache with one repository, written as huggingface_hub does.
struct CachedModel : TemporaryFolder {
  explicit CachedModel(const std::string& name = "org/name") : cache(path(), name) {}

  /// A file of the snapshot, whose blob is called `etag`.
  void add(const std::string& name, const std::string& content, const std::string& etag) const {
    put(cache.blob(etag), content);
    cache.link(kCommit, name, etag);
  }
  void set_main() const { cache.set_ref("main", kCommit); }

  RepoCache cache;
};

}  // namespace mhub::tests
