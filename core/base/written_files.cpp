// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/written_files.hpp"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"

namespace mhub {
namespace {

namespace fs = std::filesystem;

/// A folder as found, against its manifest. Names that lead out of it match nothing.
class Listing {
 public:
  explicit Listing(const fs::path& folder) : manifest_(folder / kManifestName) {
    if (fs::is_regular_file(fs::symlink_status(manifest_))) read_manifest();
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
      if (foreign.empty() && !written(entry, entry.path().lexically_relative(folder)))
        foreign = files_.empty() ? folder : entry.path();
      // What is in a folder comes behind it.
      if (entry.path() != manifest_) paths.push_back(entry.path());
    }
    std::reverse(paths.begin(), paths.end());
    if (!files_.empty()) paths.push_back(manifest_);
    paths.push_back(folder);
  }

  fs::path foreign;             ///< empty where there is nothing of the kind
  std::vector<fs::path> paths;  ///< in an order in which they can be removed

 private:
  void read_manifest() {
    const nlohmann::json manifest = parse_json_file(manifest_.string(), 1ULL << 30);
    files_.insert(kManifestName);
    const auto listed = manifest.is_object() ? manifest.find("files") : manifest.end();
    if (listed == manifest.end() || !listed->is_object()) return;
    for (const auto& [name, entry] : listed->items()) {
      files_.insert(name);
      for (fs::path above = fs::path(name).parent_path(); folders_.insert(above).second;)
        above = above.parent_path();
    }
  }
  bool written(const fs::directory_entry& entry, const fs::path& name) const {
    const fs::file_status status = entry.symlink_status();
    return fs::is_directory(status) ? folders_.contains(name)
                                    : fs::is_regular_file(status) && files_.contains(name);
  }

  fs::path manifest_;
  std::set<fs::path> files_, folders_;
};

}  // namespace

fs::path find_foreign(const fs::path& folder) { return Listing(folder).foreign; }

void remove_written(const fs::path& folder) {
  const Listing listing(folder);
  if (!listing.foreign.empty())
    throw UsageError(listing.foreign.string() +
                     " was not written by mhub, which does not remove it; move it away");
  for (const fs::path& path : listing.paths) {
    std::error_code error;
    if (!fs::remove(path, error) && error) throw IoError("cannot remove", path.string(), error.value());
  }
}

}  // namespace mhub
