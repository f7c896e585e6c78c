// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/needed_files.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/store/weight_files.hpp"
#include "mhub/store/weight_map.hpp"

namespace mhub {
namespace {

constexpr std::uint64_t kLargestSmallFile = 128 << 20;
constexpr std::array<std::string_view, 14> kCardEndings{".png", ".jpg", ".jpeg", ".gif",  ".webp",
                                                        ".svg", ".mp4", ".mp3",  ".wav",  ".parquet",
                                                        ".pdf", ".mov", ".csv",  ".ipynb"};
/// Without a file of these kinds a loader does not find what it looks for; without others nobody notices.
constexpr std::array<std::string_view, 6> kLoaded{".json", ".model", ".txt", ".py", ".jinja", ".tiktoken"};
constexpr std::array<const char*, 8> kTokenizers{
    "tokenizer.json", "tokenizer.model",         "vocab.json",     "vocab.txt",
    "spiece.model",   "sentencepiece.bpe.model", "tiktoken.model", "tokenizer_config.json"};

/// Of a Megatron checkpoint (checkpointing.py, get_checkpoint_tracker_filename).
constexpr const char* kTracker = "latest_checkpointed_iteration.txt";

std::string folder_of(const std::string& name) { return name.substr(0, name.find('/') + 1); }

}  // namespace

bool is_hidden(const std::string& name) {
  return name.front() == '.' || name.find("/.") != std::string::npos;
}

namespace {

template <std::size_t N>
bool ends_in(const std::string& name, const std::array<std::string_view, N>& endings) {
  return std::find(endings.begin(), endings.end(), fs::path(name).extension().string()) != endings.end();
}

/// The container that is there.
const ShardedFiles* container(const RepoFiles& all) {
  for (const ShardedFiles* files : weight_files()) {
    if (find_file(all, files->single) != nullptr || find_file(all, files->index) != nullptr) return files;
  }
  return nullptr;
}

/// Of weights that a snapshot has in this container, or would have.
std::vector<std::string> missing_weights(const RepoCache& cache, const std::string& commit) {
  for (const ShardedFiles* files : weight_files()) {
    if (cache.has(commit, files->single)) return {};
    if (!cache.has(commit, files->index)) continue;
    const std::string index = (cache.snapshot(commit) / files->index).string();
    std::vector<std::string> missing;
    const WeightMap map(read_file(index, kLargestIndex), index);
    for (const std::string& shard : map.files()) {
      if (!cache.has(commit, shard)) missing.push_back(shard);
    }
    return missing;
  }
  return {weight_files().front()->single};
}

/// A checkpoint of Megatron's: its tracker, and the folder that it names with something in it. Which files
/// that must have, its own metadata says to whoever opens it.
bool is_megatron(const RepoCache& cache, const std::string& commit) {
  if (!cache.has(commit, kTracker) || cache.has(commit, "config.json")) return false;
  std::string named = read_file((cache.snapshot(commit) / kTracker).string(), 1 << 10);
  named.erase(named.find_last_not_of(" \n\r\t") + 1);
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(cache.snapshot(commit), error)) {
    const std::string folder = entry.path().filename().string();
    const bool meant = folder == named || (folder.starts_with("iter_") && folder.ends_with(named));
    if (meant && fs::is_directory(entry.path(), error) && !fs::is_empty(entry.path(), error)) return true;
  }
  return false;
}

}  // namespace

std::string weight_index(const RepoFiles& all) {
  const ShardedFiles* files = container(all);
  return files == nullptr || find_file(all, files->single) != nullptr ? "" : files->index;
}

RepoFiles small_files(const RepoFiles& all) {
  std::set<std::string> weighty;
  for (const RepoFile& file : all) {
    if (holds_weights(file.name)) weighty.insert(folder_of(file.name));
  }
  weighty.erase("");
  const std::string index = weight_index(all);
  RepoFiles small;
  for (const RepoFile& file : all) {
    const bool card = ends_in(file.name, kCardEndings);
    const bool other_index = file.name.ends_with(".index.json") && file.name != index;
    if (file.name == index || (!is_hidden(file.name) && !holds_weights(file.name) && !card && !other_index &&
                               !weighty.contains(folder_of(file.name)) && file.size <= kLargestSmallFile))
      small.push_back(file);
  }
  return small;
}

RepoFiles weight_files_of(const RepoFiles& all, const std::string& index) {
  const ShardedFiles* files = container(all);
  if (files == nullptr) return {};
  if (const RepoFile* single = find_file(all, files->single)) return {*single};
  RepoFiles shards;
  const WeightMap map(index, files->index);
  for (const std::string& name : map.files()) {
    const RepoFile* shard = find_file(all, name);
    if (shard == nullptr)
      throw InputError(std::string(files->index) + ": lists " + name +
                       ", which the repository does not have");
    shards.push_back(*shard);
  }
  return shards;
}

Missing missing_files(const RepoCache& cache, const std::string& commit, Wanted wanted) {
  Missing missing;
  if (is_megatron(cache, commit)) return missing;
  if (!cache.has(commit, "config.json")) missing.essential.emplace_back("config.json");
  if (wanted == Wanted::model) {
    const std::vector<std::string> weights = missing_weights(cache, commit);
    missing.essential.insert(missing.essential.end(), weights.begin(), weights.end());
  }
  if (const std::optional<RepoFiles> all = cache.listing(commit)) {
    for (const RepoFile& file : small_files(*all)) {
      if (!cache.has(commit, file.name) && file.name != "config.json" && ends_in(file.name, kLoaded))
        missing.others.push_back(file.name);
    }
    return missing;
  }
  const auto has = [&](const char* name) { return cache.has(commit, name); };
  const auto absent = [&](const char* name) { return cache.known_absent(commit, name); };
  if (std::none_of(kTokenizers.begin(), kTokenizers.end(), has) &&
      !std::all_of(kAskedFor.begin(), kAskedFor.end(), absent))
    missing.others.emplace_back("a tokenizer");
  return missing;
}

}  // namespace mhub
