// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/download.hpp"

#include <algorithm>
#include <fnmatch.h>
#include <set>

#include "mhub/base/disk_space.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/hub/fetch_blobs.hpp"
#include "mhub/store/weight_files.hpp"

namespace mhub {
namespace {

bool matches(const std::string& name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](std::string pattern) {
    if (pattern.ends_with('/')) pattern += '*';
    return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
  });
}

std::uint64_t bytes_of(const RepoFiles& files) {
  std::uint64_t bytes = 0;
  for (const RepoFile& file : files) bytes += file.size;
  return bytes;
}

/// One call of download.
class Download {
 public:
  Download(Hub& hub, const RepoId& id, const DownloadOptions& options)
      : hub_(hub), id_(id), options_(options), cache_(hub.settings().cache, id.name) {}

  Downloaded run() {
    commit_ = hub_.commit_of(id_);
    all_ = hub_.files_of(id_, commit_);
    RepoFiles files;
    if (!options_.include.empty() || !options_.exclude.empty()) {
      files = matching(all_, options_.include, options_.exclude);
      if (files.empty()) throw InputError(id_.text() + ": no file of it matches; it has " + names(all_));
    } else if (options_.wanted == Wanted::files) {
      files = small_files(all_);
      // An index promises weights.
      std::erase_if(files, [](const RepoFile& file) { return file.name.ends_with(".index.json"); });
    } else {
      files = model_files(id_, all_, fetched_index());
    }
    fetch(files);
    // What there is not, other tools know how to note (_CACHED_NO_EXIST in file_download.py).
    for (const char* name : kAskedFor) {
      if (find_file(all_, name) == nullptr) cache_.set_absent(commit_, name);
    }
    cache_.set_ref(id_.revision, commit_);
    return {id_.name,     id_.revision,   commit_, cache_.snapshot(commit_).string(),
            files.size(), bytes_of(files)};
  }

 private:
  static std::string names(const RepoFiles& files) {
    constexpr std::size_t kShown = 8;
    std::string text;
    for (std::size_t k = 0; k < std::min(kShown, files.size()); ++k)
      text += (k == 0 ? "" : ", ") + files[k].name;
    return files.size() > kShown ? text + " and " + std::to_string(files.size() - kShown) + " more" : text;
  }

  /// Which shards there are, stands in a file that has to be here first.
  std::string fetched_index() {
    const std::string name = weight_index(all_);
    if (name.empty()) return {};
    fetch_blobs(hub_, cache_, {id_.name, commit_, {*find_file(all_, name)}, 1});
    return read_file((cache_.snapshot(commit_) / name).string(), kLargestIndex);
  }

  void require_space(const RepoFiles& files) const {
    std::uint64_t needed = 0;
    std::set<std::string> seen;
    std::error_code error;
    for (const RepoFile& file : files) {
      if (!seen.insert(file.etag()).second || cache_.has_blob(file)) continue;
      const std::uint64_t there = fs::file_size(cache_.incomplete(file.etag()), error);
      needed += file.size - (error ? 0 : std::min(there, file.size));
    }
    const std::uint64_t available = free_space(cache_.folder().string());
    if (needed <= available) return;
    throw IoError(cache_.folder().string() + ": " + id_.text() + " needs " + human_bytes(needed) +
                  ", but only " + human_bytes(available) +
                  " are free there; free some space, or name another place with HF_HUB_CACHE");
  }

  void fetch(RepoFiles files) {
    require_space(files);
    Stage stage(options_.callbacks, "downloading", bytes_of(files));
    const auto is_small = [&](const RepoFile& file) { return !holds_weights(file.name); };
    const auto weights = std::stable_partition(files.begin(), files.end(), is_small);
    fetch_part({files.begin(), weights}, stage);
    const RepoFiles rest(weights, files.end());
    if (options_.on_weights) options_.on_weights(cache_.snapshot(commit_).string(), rest);
    fetch_part(rest, stage);
  }

  void fetch_part(const RepoFiles& files, Stage& stage) {
    if (files.empty()) return;
    FetchRequest request{id_.name, commit_, files, options_.connections};
    request.on_bytes = [&](std::uint64_t bytes) { stage.add(bytes); };
    request.on_size = options_.on_size;
    request.on_file = options_.on_file;
    fetch_blobs(hub_, cache_, request);
  }

  Hub& hub_;
  const RepoId& id_;
  const DownloadOptions& options_;
  RepoCache cache_;
  std::string commit_;
  RepoFiles all_;
};

}  // namespace

RepoFiles matching(const RepoFiles& all, const std::vector<std::string>& include,
                   const std::vector<std::string>& exclude) {
  RepoFiles files;
  for (const RepoFile& file : all) {
    if ((include.empty() || matches(file.name, include)) && !matches(file.name, exclude))
      files.push_back(file);
  }
  return files;
}

RepoFiles model_files(const RepoId& id, const RepoFiles& all, const std::string& index) {
  RepoFiles files = small_files(all);
  const RepoFiles weights = weight_files_of(all, index);
  // A Megatron checkpoint: every file of it is one.
  if (weights.empty() && find_file(all, "latest_checkpointed_iteration.txt") != nullptr) return all;
  if (weights.empty()) {
    std::set<std::string> kinds;
    for (const RepoFile& file : all) {
      if (holds_weights(file.name)) kinds.insert(fs::path(file.name).extension().string());
    }
    std::string others;
    for (const std::string& kind : kinds) others += (others.empty() ? "" : ", ") + kind;
    throw InputError(id.text() +
                     ": has no weights that mhub reads (model.safetensors or pytorch_model.bin, or an " +
                     "index of theirs)" + (others.empty() ? "" : "; it has weights in " + others) +
                     "; mhub download --include GLOB brings other files");
  }
  files.insert(files.end(), weights.begin(), weights.end());
  return files;
}

Downloaded download(Hub& hub, const RepoId& id, const DownloadOptions& options) {
  if (hub.settings().offline)
    throw IoError(id.text() + ": HF_HUB_OFFLINE is set, and nothing is downloaded then");
  hub.cancel_when(options.callbacks.cancelled);
  try {
    return Download(hub, id, options).run();
  } catch (const Interrupted&) {
    throw Interrupted("interrupted; what was downloaded is kept, and the same command goes on from there");
  }
}

}  // namespace mhub
