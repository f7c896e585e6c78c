// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/arriving_model.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/base/parallel.hpp"
#include "mhub/hub/download.hpp"

namespace mhub {
namespace {

/// Headers are short, and waiting for them is long; the weights have connections of their own.
constexpr std::size_t kHeaders = 16;

}  // namespace

ArrivingBytes::ArrivingBytes(ArrivingModel& model, std::shared_ptr<Hub> hub, const RepoId& id,
                             const std::string& commit, const RepoFile& file, std::string path)
    : model_(model), file_(file), path_(std::move(path)), header_(std::move(hub), id, commit, file, path_) {}

std::string ArrivingBytes::fingerprint() const {
  const int renewed = model_.now(file_.name).renewed;
  return file_.etag() + (renewed == 0 ? "" : " " + std::to_string(renewed));
}

const InputFile& ArrivingBytes::opened() const {
  const std::lock_guard guard(mutex_);
  if (opened_ != nullptr) return *opened_;
  // It gets its name at any time, and stays the same file.
  for (const fs::path& path : {model_.cache_.incomplete(file_.etag()), model_.cache_.blob(file_.etag())}) {
    std::error_code error;
    if (model_.now(file_.name).whole && path.extension() == ".incomplete") continue;
    if (!fs::exists(path, error)) continue;
    try {
      opened_ = std::make_unique<InputFile>(path.string());
      return *opened_;
    } catch (const IoError&) {
      if (path.extension() != ".incomplete") throw;
    }
  }
  throw IoError(path_ + ": is not in the cache, where it was a moment ago");
}

void ArrivingBytes::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (model_.opening()) return header_.read(offset, out);
  for (;;) {
    const ArrivingModel::Arrival before = model_.arrived(file_.name, offset + out.size());
    try {
      return opened().read(offset, out);
    } catch (const IoError&) {
      if (!model_.renewed(file_.name, before.renewed)) throw;
    }
  }
}

void ArrivingBytes::check_header() const {
  std::vector<std::byte> known(static_cast<std::size_t>(header_.front())), came(known.size());
  header_.read(0, known);
  opened().read(0, came);
  if (known != came)
    throw IoError(path_ + ": its header came in two versions, of which one was damaged; convert it again");
}

ArrivingModel::ArrivingModel(std::shared_ptr<Hub> hub, RepoId id, const Callbacks& callbacks)
    : hub_(std::move(hub)),
      id_(std::move(id)),
      cache_(hub_->settings().cache, id_.name),
      watcher_(callbacks.on_progress) {
  thread_ = std::thread([this, cancelled = callbacks.cancelled] {
    run({[this](const Progress& progress) {
           const std::lock_guard guard(mutex_);
           if (watcher_) watcher_(progress);
         },
         [this, cancelled] { return stop_ || (cancelled && cancelled()); }});
  });
  std::unique_lock guard(mutex_);
  changed_.wait(guard, [&] { return begun_ || ended_; });
  if (begun_) return;
  guard.unlock();
  thread_.join();
  if (failure_) std::rethrow_exception(failure_);
}

ArrivingModel::~ArrivingModel() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void ArrivingModel::run(const Callbacks& callbacks) {
  std::exception_ptr failure;
  try {
    DownloadOptions options{.callbacks = callbacks};
    options.on_weights = [&](const std::string& path, const RepoFiles& weights) {
      set_weights(path, weights);
    };
    options.on_size = [&](const RepoFile& file, std::uint64_t bytes) { set_size(file, bytes); };
    options.on_file = [&](const RepoFile& file) { set_whole(file); };
    download(*hub_, id_, options);
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard guard(mutex_);
  failure_ = failure;
  ended_ = true;
  changed_.notify_all();
}

void ArrivingModel::set_weights(const std::string& snapshot, const RepoFiles& weights) {
  const std::lock_guard guard(mutex_);
  path_ = snapshot;
  const std::string commit = fs::path(snapshot).filename().string();
  for (const RepoFile& file : weights) {
    files_[file.name] = std::make_unique<ArrivingBytes>(*this, hub_, id_, commit, file, place(file.name));
    arrivals_[file.name];
  }
  begun_ = true;
  changed_.notify_all();
}

void ArrivingModel::set_size(const RepoFile& file, std::uint64_t bytes) {
  const std::lock_guard guard(mutex_);
  const auto found = arrivals_.find(file.name);
  if (found == arrivals_.end()) return;
  found->second.renewed += bytes < found->second.bytes ? 1 : 0;
  found->second.bytes = bytes;
  changed_.notify_all();
}

void ArrivingModel::set_whole(const RepoFile& file) {
  const std::lock_guard guard(mutex_);
  const auto found = arrivals_.find(file.name);
  if (found == arrivals_.end()) return;
  found->second.bytes = file.size;
  found->second.whole = true;
  changed_.notify_all();
}

bool ArrivingModel::readable() const {
  const auto there = [&](const char* name) { return fs::exists(place(name)); };
  return !files_.empty() && there("config.json") && !there("adapter_config.json") &&
         std::all_of(files_.begin(), files_.end(),
                     [](const auto& file) { return file.first.ends_with(".safetensors"); });
}

void ArrivingModel::fetch_headers() {
  std::vector<const ArrivingBytes*> files;
  for (const auto& [name, file] : files_) files.push_back(file.get());
  for_all(files.size(), kHeaders, [&](std::size_t k) { files[k]->fetch_header(); });
}

bool ArrivingModel::renew_headers() {
  std::vector<const ArrivingBytes*> files;
  for (const auto& [name, file] : files_) files.push_back(file.get());
  return mhub::renew_headers(files, kHeaders);
}

std::optional<std::string> ArrivingModel::etag_of(const std::string& path) const {
  for (const auto& [name, file] : files_) {
    if (file->name() == path) return file->etag();
  }
  return std::nullopt;
}

void ArrivingModel::unwatch() {
  const std::lock_guard guard(mutex_);
  watcher_ = {};
}

void ArrivingModel::wait() {
  std::unique_lock guard(mutex_);
  changed_.wait(guard, [&] { return ended_; });
  if (failure_) std::rethrow_exception(failure_);
  guard.unlock();
  for (const auto& [name, file] : files_) {
    if (!opening_) file->check_header();
  }
}

std::uint64_t ArrivingModel::left() const {
  const std::lock_guard guard(mutex_);
  std::uint64_t left = 0;
  for (const auto& [name, file] : files_)
    left += file->size() - std::min(file->size(), arrivals_.at(name).bytes);
  return left;
}

ArrivingModel::Arrival ArrivingModel::arrived(const std::string& name, std::uint64_t bytes) const {
  std::unique_lock guard(mutex_);
  const Arrival& arrival = arrivals_.at(name);
  changed_.wait(guard, [&] { return arrival.bytes >= bytes || ended_; });
  if (arrival.bytes < bytes && failure_) std::rethrow_exception(failure_);
  return arrival;
}

bool ArrivingModel::renewed(const std::string& name, int before) const {
  std::unique_lock guard(mutex_);
  const Arrival& arrival = arrivals_.at(name);
  changed_.wait(guard, [&] { return arrival.renewed != before || arrival.whole || ended_; });
  return arrival.renewed != before;
}

ArrivingModel::Arrival ArrivingModel::now(const std::string& name) const {
  const std::lock_guard guard(mutex_);
  return arrivals_.at(name);
}

bool ArrivingModel::has(const std::string& name) const {
  return files_.contains(name) || fs::is_regular_file(place(name));
}

std::shared_ptr<const ByteSource> ArrivingModel::bytes(const std::string& name) const {
  const auto found = files_.find(name);
  if (found == files_.end()) return std::make_shared<InputFile>(place(name));
  return {shared_from_this(), found->second.get()};
}

}  // namespace mhub
