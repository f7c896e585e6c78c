// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/remote_model.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/base/parallel.hpp"
#include "mhub/hub/download.hpp"
#include "mhub/hub/etag.hpp"
#include "mhub/store/weight_files.hpp"

namespace mhub {
namespace {

/// Headers are short, and waiting for them is long.
constexpr std::size_t kConnections = 48;

std::string hash_of(const RepoFile& file, const std::string& content) {
  const auto digest = begin_etag(!file.sha256.empty(), content.size());
  digest->update(std::as_bytes(std::span(content)));
  return digest->hex();
}

}  // namespace

RemoteModel::RemoteModel(std::shared_ptr<Hub> hub, const RepoId& id)
    : hub_(std::move(hub)),
      id_(id),
      commit_(hub_->commit_of(id)),
      address_("hf://" + id.name + "@" + commit_) {
  all_ = hub_->files_of(id, commit_);
}

void RemoteModel::fetch_headers() {
  const std::string index = weight_index(all_);
  RepoFiles files = model_files(id_, all_, index.empty() ? index : read(index, kLargestIndex));
  std::erase_if(files, [](const RepoFile& file) { return !file.name.ends_with(".safetensors"); });
  std::vector<std::unique_ptr<RemoteBytes>> opened;
  for (const RepoFile& file : files) opened.push_back(open(file));
  for_all(opened.size(), kConnections, [&](std::size_t k) { opened[k]->fetch_header(); });
  for (std::size_t k = 0; k < files.size(); ++k) opened_[files[k].name] = std::move(opened[k]);
}

bool RemoteModel::renew_headers() {
  std::vector<const RemoteBytes*> files;
  for (const auto& [name, file] : opened_) {
    if (file->front() > 0) files.push_back(file.get());
  }
  return mhub::renew_headers(files, kConnections);
}

void RemoteModel::prepare_reading() {
  constexpr std::uint64_t kBlock = 4 << 20;
  constexpr std::size_t kBlocks = 256;
  constexpr int kThreads = 8;
  blocks_ = std::make_unique<BlockCache>(kThreads, kBlock, kBlocks);
  for (const RepoFile& file : all_) {
    if (!holds_weights(file.name)) continue;
    auto& bytes = opened_[file.name];
    if (bytes == nullptr) bytes = open(file);
    bytes->read_through(*blocks_);
  }
}

const RepoFile& RemoteModel::listed(const std::string& name) const {
  const RepoFile* file = find_file(all_, name);
  if (file == nullptr) throw IoError(place(name) + ": no such file in the repository");
  return *file;
}

std::unique_ptr<RemoteBytes> RemoteModel::open(const RepoFile& file) const {
  return std::make_unique<RemoteBytes>(hub_, id_, commit_, file, place(file.name));
}

bool RemoteModel::has(const std::string& name) const { return find_file(all_, name) != nullptr; }

std::string RemoteModel::read(const std::string& name, std::uint64_t limit) const {
  const RepoFile& file = listed(name);
  if (file.size > limit)
    throw InputError(place(name) + ": " + std::to_string(file.size) + " bytes, expected at most " +
                     std::to_string(limit));
  const std::lock_guard guard(mutex_);
  if (const auto found = texts_.find(name); found != texts_.end()) return found->second;
  constexpr int kTries = 2;
  for (int left = kTries; left > 0; --left) {
    std::string content(static_cast<std::size_t>(file.size), '\0');
    open(file)->read(0, std::as_writable_bytes(std::span(content)));
    if (hash_of(file, content) == file.etag()) return texts_.emplace(name, std::move(content)).first->second;
  }
  throw IoError(place(name) + ": came twice with another hash than " + file.etag() + ", which the Hub lists");
}

std::vector<std::string> RemoteModel::names(const std::string& folder) const {
  std::vector<std::string> names;
  for (const RepoFile& file : all_) {
    if (!is_hidden(file.name) && (folder.empty() || file.name.starts_with(folder + "/")))
      names.push_back(file.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::uint64_t RemoteModel::size(const std::string& name) const { return listed(name).size; }

std::shared_ptr<const ByteSource> RemoteModel::bytes(const std::string& name) const {
  const auto found = opened_.find(name);
  if (found != opened_.end()) return {shared_from_this(), found->second.get()};
  return open(listed(name));
}

}  // namespace mhub
