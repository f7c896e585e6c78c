// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/overwrite.hpp"

#include <optional>
#include <sys/stat.h>
#include <utility>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/written_files.hpp"
#include "mhub/convert/manifest.hpp"
#include "mhub/formats/format.hpp"

namespace mhub {
namespace {

/// Whether a folder's listed files have their sizes, and none was touched after the manifest, which is
/// written last. The time of a change, unlike that of the content, is not copied with a file and cannot be
/// set.
bool looks_untouched(const fs::path& folder) {
  using Time = std::pair<time_t, long>;
  struct stat found {};
  const auto changed = [&](const fs::path& file) -> std::optional<Time> {
    if (::stat(file.c_str(), &found) != 0) return std::nullopt;
    return Time(found.st_ctim.tv_sec, found.st_ctim.tv_nsec);
  };
  const fs::path manifest = folder / kManifestName;
  const std::optional<Time> written = changed(manifest);
  if (!written) return false;
  const nlohmann::json content = parse_json_file(manifest.string(), 1ULL << 30);
  if (!content.is_object() || !content.contains("files") || !content["files"].is_object()) return false;
  for (const auto& [name, entry] : content["files"].items()) {
    const std::optional<Time> time = changed(folder / name);
    if (!time) continue;  // what is gone cannot be lost
    const bool same = entry.is_object() && entry.contains("size") &&
                      entry["size"] == nlohmann::json(static_cast<std::uint64_t>(found.st_size));
    if (*time > *written || !same) return false;
  }
  return true;
}

}  // namespace

bool is_own_file(const std::string& path) {
  const Format* format = find_format(path);
  return format != nullptr && format->written_by_mhub(path);
}

void require_as_written(const std::string& output, int jobs, const Callbacks& callbacks) {
  if (!fs::exists(output) || (fs::is_directory(output) && fs::is_empty(output))) return;
  if (fs::is_directory(output) && looks_untouched(output)) return;
  std::string what;
  try {
    const ManifestReport report = check_manifest(open_checkpoint(output), jobs, callbacks);
    if (report.problems.empty()) return;
    const ManifestProblem& first = report.problems.front();
    what = first.file + (first.tensor.empty() ? "" : ": tensor " + first.tensor) + ' ' + first.what;
  } catch (const InputError& error) {
    what = error.what();
  }
  throw UsageError(output + " has changed since mhub wrote it, so that --overwrite does not remove it (" +
                   what + "); move it away or choose another name");
}

void require_apart(const Conversion& conversion, const std::string& output) {
  if (output.empty()) throw UsageError("the output's name is empty");
  const Checkpoint& source = conversion.source();
  std::set<std::string> places{source.path, source.manifest_folder};
  if (source.files != nullptr) places.insert(source.files->source());
  for (const StoredTensor* tensor : conversion.copies().sources) {
    for (const StoredChunk& chunk : tensor->chunks) places.insert(chunk.bytes->name());
  }
  places.erase("");  // an archive's manifest
  for (const std::string& place : places) {
    if (lies_within(output, place) || lies_within(place, output))
      throw UsageError(output + ": the source " + source.path + " lies there or around it (" + place +
                       "); choose another place for the output");
  }
}

}  // namespace mhub
