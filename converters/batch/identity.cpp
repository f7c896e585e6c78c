// SPDX-License-Identifier: Apache-2.0
#include "identity.hpp"

#include <sys/stat.h>

#include "mhub/base/checksum.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/written_files.hpp"
#include "mhub/hub/cache.hpp"
#include "mhub/hub/hub.hpp"

namespace mhub::converters {
namespace {

constexpr std::uint64_t kLargestManifest = std::uint64_t{1} << 30;

struct Found {
  std::uint64_t size = 0;
  std::int64_t changed = 0;  ///< nanoseconds
};

/// Of a plain file, links followed; nothing for what is none.
std::optional<Found> look_at_file(const fs::path& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return std::nullopt;
  return Found{static_cast<std::uint64_t>(found.st_size),
               static_cast<std::int64_t>(found.st_mtim.tv_sec) * 1'000'000'000 + found.st_mtim.tv_nsec};
}

std::string of_folder(const fs::path& folder) {
  const fs::path manifest = folder / kManifestName;
  const std::optional<Found> written = look_at_file(manifest);
  std::map<std::string, std::string> lines;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied)) {
    if (entry.path() == manifest) continue;
    std::string& line = lines[entry.path().lexically_relative(folder).generic_string()];
    if (const std::optional<Found> file = look_at_file(entry.path())) {
      const bool listed = written && file->changed <= written->changed;
      line = std::to_string(file->size) + (listed ? "" : " " + std::to_string(file->changed));
    } else if (entry.is_symlink()) {
      // To a folder, or to nothing. Not followed: it may lead back here.
      line = "-> " + fs::read_symlink(entry.path()).string();
    }
  }
  std::string text;
  for (const auto& [name, line] : lines) text += name + '\0' + line + '\n';
  if (written) text += read_file(manifest.string(), kLargestManifest);
  return (written ? "mhub:" : "files:") + checksum_of(text);
}

}  // namespace

std::string identity_of(const std::string& path) {
  if (const std::optional<Found> file = look_at_file(path))
    return "file:" + std::to_string(file->size) + ":" + std::to_string(file->changed);
  std::error_code error;
  if (!fs::is_directory(path, error) || fs::is_empty(path, error)) return {};
  try {
    return of_folder(path);
  } catch (const fs::filesystem_error&) {
    return {};  // it is going away
  }
}

std::string SourceIdentities::of(const RecipeEntry& entry) {
  const std::string& source = entry.request.source;
  const bool here = fs::exists(source);
  std::string identity = here ? identity_of(source) : of_hub(source);
  const std::string& reference = entry.request.open.hf_reference;
  if (!identity.empty() && !reference.empty())
    identity += "+" + (fs::exists(reference) ? identity_of(reference) : of_hub(reference));
  return identity;
}

std::string SourceIdentities::of_hub(const std::string& source) {
  const std::lock_guard lock(mutex_);
  try {
    const std::optional<RepoId> id = parse_repo_id(source);
    if (!id) return {};
    const HubSettings settings = HubSettings::from_environment();
    const RepoCache cache(settings.cache, id->name);
    if (const std::optional<std::string> commit = cache.commit_of(id->revision);
        commit && fs::is_directory(cache.snapshot(*commit)))
      return "hub:" + id->name + "@" + *commit;
    if (const auto known = commits_.find(source); known != commits_.end()) return known->second;
    if (settings.offline) return {};
    Hub hub(settings);
    hub.set_attempts(2);
    return commits_[source] = "hub:" + id->name + "@" + hub.commit_of(*id);
  } catch (const Error&) {
    return commits_[source] = {};
  }
}

}  // namespace mhub::converters
