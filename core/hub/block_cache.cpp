// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/block_cache.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>

namespace mhub {

std::vector<std::byte> SpareBuffers::take() {
  const std::lock_guard guard(mutex_);
  if (spare_.empty()) return {};
  std::vector<std::byte> buffer = std::move(spare_.back());
  spare_.pop_back();
  buffer.clear();
  return buffer;
}

SpareBuffers::Bytes SpareBuffers::shared(std::vector<std::byte> bytes) {
  return {new std::vector<std::byte>(std::move(bytes)), [this](std::vector<std::byte>* done) {
            const std::unique_ptr<std::vector<std::byte>> owner(done);
            const std::lock_guard guard(mutex_);
            spare_.push_back(std::move(*done));
          }};
}

BlockCache::BlockCache(int threads, std::uint64_t block, std::size_t blocks) : size_(block), most_(blocks) {
  for (int k = 0; k < threads; ++k) threads_.emplace_back([this] { work(); });
}

BlockCache::~BlockCache() {
  {
    const std::lock_guard guard(mutex_);
    ends_ = true;
    tasks_.clear();  // nobody waits for them: who reads is done
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void BlockCache::work() {
  for (;;) {
    std::unique_lock guard(mutex_);
    ready_.wait(guard, [&] { return ends_ || !tasks_.empty(); });
    if (ends_) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    guard.unlock();
    const auto [source, number] = task.key;
    try {
      const std::uint64_t begin = number * size_, end = std::min(source->size(), begin + size_);
      std::vector<std::byte> bytes = buffers_.take();
      bytes.reserve(static_cast<std::size_t>(size_));
      source->fetch(begin, end, bytes);
      task.promise.set_value(buffers_.shared(std::move(bytes)));
    } catch (...) {
      task.promise.set_exception(std::current_exception());
    }
  }
}

void BlockCache::ask(const Key& key, bool first) {
  Task task{key, {}};
  used_.push_front(key);
  entries_.emplace(key, Entry{task.promise.get_future().share(), used_.begin()});
  if (first) {
    tasks_.push_front(std::move(task));
  } else {
    tasks_.push_back(std::move(task));
  }
  ready_.notify_one();
}

void BlockCache::drop_oldest() {
  for (auto at = used_.end(); entries_.size() > most_ && at != used_.begin();) {
    --at;
    const auto entry = entries_.find(*at);
    // What is still coming is somebody's.
    if (entry->second.bytes.wait_for(std::chrono::seconds(0)) != std::future_status::ready) continue;
    entries_.erase(entry);
    at = used_.erase(at);
  }
}

BlockCache::Bytes BlockCache::block(const BlockSource& source, std::uint64_t number) {
  const std::uint64_t count = (source.size() + size_ - 1) / size_;
  std::shared_future<Bytes> bytes;
  {
    const std::lock_guard guard(mutex_);
    const Key key{&source, number};
    auto entry = entries_.find(key);
    const bool goes_on = number == 0 || entries_.contains({&source, number - 1});
    if (entry == entries_.end()) {
      ask(key, true);
      entry = entries_.find(key);
    } else {
      used_.splice(used_.begin(), used_, entry->second.used);
    }
    bytes = entry->second.bytes;
    // Where one block is read behind another, the next ones will be.
    const std::uint64_t ahead = goes_on ? std::min<std::uint64_t>(count, number + 1 + threads_.size()) : 0;
    for (std::uint64_t next = number + 1; next < ahead; ++next) {
      if (!entries_.contains({&source, next})) ask({&source, next}, false);
    }
    drop_oldest();
  }
  return bytes.get();
}

void BlockCache::read(const BlockSource& source, std::uint64_t offset, std::span<std::byte> out) {
  while (!out.empty()) {
    const Bytes bytes = block(source, offset / size_);
    const std::uint64_t skipped = offset % size_;
    const std::size_t count =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), bytes->size() - skipped));
    std::memcpy(out.data(), bytes->data() + skipped, count);
    out = out.subspan(count);
    offset += count;
  }
}

}  // namespace mhub
