// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/cache.hpp"

#include <algorithm>
#include <atomic>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"

namespace mhub {
namespace {

constexpr std::string_view kPrefix = "models--", kSeparator = "--";
constexpr std::uint64_t kLargestListing = 256 << 20;

/// A name beside `path` that nobody else takes meanwhile, and short: that of `path` may be as long as names
/// can be.
fs::path beside(const fs::path& path) {
  static std::atomic<unsigned> number = 0;
  return path.parent_path() /
         (".mhub-" + std::to_string(::getpid()) + "-" + std::to_string(++number) + ".tmp");
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw IoError("cannot create", folder.string(), error.value());
}

void move_to(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) throw IoError("cannot rename " + from.string() + " to", to.string(), error.value());
}

/// What refs/ keeps; without the line's end that editors add.
std::optional<std::string> read_ref(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return std::nullopt;
  std::string commit = read_file(file.string(), 256);
  while (!commit.empty() && (commit.back() == '\n' || commit.back() == ' ')) commit.pop_back();
  return commit;
}

}  // namespace

const RepoFile* find_file(const RepoFiles& files, const std::string& name) {
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const RepoFile& file) { return file.name == name; });
  return found == files.end() ? nullptr : &*found;
}

bool is_commit(std::string_view text) {
  return text.size() == 40 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::optional<std::string> repo_of_folder(const fs::path& folder) {
  std::string name = folder.filename().string();
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.erase(0, kPrefix.size());
  if (const std::size_t at = name.find(kSeparator); at != std::string::npos)
    name.replace(at, kSeparator.size(), "/");
  return repo_name_problem(name).empty() ? std::optional(name) : std::nullopt;
}

RepoCache::RepoCache(const fs::path& cache, const std::string& repo_name) : cache_(cache) {
  std::string name = repo_name;
  if (const std::size_t slash = name.find('/'); slash != std::string::npos)
    name.replace(slash, 1, kSeparator);
  folder_ = cache_ / (std::string(kPrefix) + name);
}

std::optional<std::string> RepoCache::commit_of(const std::string& revision) const {
  if (is_commit(revision)) return revision;
  std::optional<std::string> commit = read_ref(folder_ / "refs" / revision);
  if (commit && commit->empty()) return std::nullopt;  // what a machine that went down leaves
  if (commit && (commit->find('/') != std::string::npos || *commit == ".."))
    throw InputError((folder_ / "refs" / revision).string() + ": expected a commit, found \"" + *commit +
                     "\"");
  return commit;
}

bool RepoCache::has(const std::string& commit, const std::string& name) const {
  std::error_code error;
  return fs::is_regular_file(snapshot(commit) / name, error);
}

bool RepoCache::known_absent(const std::string& commit, const std::string& name) const {
  std::error_code error;
  return fs::is_regular_file(folder_ / ".no_exist" / commit / name, error);
}

std::optional<RepoFiles> RepoCache::listing(const std::string& commit) const {
  // huggingface_hub's _tree_cache.py, TREE_CACHE_FORMAT_VERSION 1; it ignores what it cannot read, too.
  const fs::path file = folder_ / "trees" / (commit + ".json");
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return std::nullopt;
  try {
    const nlohmann::json tree = parse_json_file(file.string(), kLargestListing);
    if (tree.at("format_version") != 1) return std::nullopt;
    RepoFiles files;
    for (const auto& [name, entry] : tree.at("files").items()) {
      if (!stays_inside(name)) return std::nullopt;
      files.push_back({name, entry.value("lfs_size", entry.at("size").get<std::uint64_t>()),
                       entry.at("blob_id").get<std::string>(), entry.value("lfs_sha256", ""),
                       entry.value("xet_hash", "")});
    }
    return files;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  } catch (const InputError&) {
    return std::nullopt;
  }
}

bool RepoCache::has_blob(const RepoFile& file) const {
  std::error_code error;
  return fs::file_size(blob(file.etag()), error) == file.size && !error;
}

fs::path RepoCache::incomplete(const std::string& etag) const {
  return folder_ / "blobs" / (etag + ".incomplete");
}

fs::path RepoCache::lock(const std::string& etag) const {
  return cache_ / ".locks" / folder_.filename() / (etag + ".lock");
}

void RepoCache::link(const std::string& commit, const std::string& name, const std::string& etag) const {
  const fs::path pointer = snapshot(commit) / name;
  const fs::path target = fs::path(blob(etag)).lexically_relative(pointer.parent_path());
  std::error_code error;
  if (fs::is_symlink(pointer, error) && fs::read_symlink(pointer, error) == target) return;
  make_folder(pointer.parent_path());
  const fs::path next = beside(pointer);
  fs::remove(next, error);
  fs::create_symlink(target, next, error);
  if (error) throw IoError("cannot create the link", next.string(), error.value());
  move_to(next, pointer);
}

void RepoCache::set_ref(const std::string& revision, const std::string& commit) const {
  if (revision == commit) return;
  const fs::path file = folder_ / "refs" / revision;
  if (read_ref(file) == commit) return;
  make_folder(file.parent_path());
  const fs::path next = beside(file);
  replace_file(next.string(), commit);
  move_to(next, file);
}

void RepoCache::set_absent(const std::string& commit, const std::string& name) const {
  if (known_absent(commit, name)) return;
  const fs::path file = folder_ / ".no_exist" / commit / name;
  make_folder(file.parent_path());
  replace_file(file.string(), "");
}

std::optional<std::string> etag_of_file(const fs::path& file) {
  std::error_code error;
  const fs::path blob = fs::read_symlink(file, error);
  if (error || blob.parent_path().filename() != "blobs") return std::nullopt;
  return blob.filename().string();
}

}  // namespace mhub
