// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/block_cache.hpp"

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
    try {
      std::vector<std::byte> bytes = buffers_.take();
      bytes.reserve(static_cast<std::size_t>(size_));
      task.key.first->fetch(begin_of(task.key), end_of(task.key), bytes);
      task.promise.set_value(buffers_.shared(std::move(bytes)));
    } catch (...) {
      task.promise.set_exception(std::current_exception());
    }
  }
}

void BlockCache::ask(const Key& key, bool first) {
  Task task{key, {}};
  used_.push_front(key);
  const std::uint64_t begin = std::max(begin_of(key), std::min(key.first->front(), end_of(key)));
  entries_.emplace(key, Entry{task.promise.get_future().share(), used_.begin(), end_of(key) - begin});
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

/// Where one block is read behind another, the next ones will be.
void BlockCache::fetch_behind(const BlockSource& source, std::uint64_t number) {
  const auto known = [&](const Key& key) { return entries_.contains(key) || spent_.contains(key); };
  if (number > 0 && !known({&source, number - 1})) return;
  const std::uint64_t count = (source.size() + size_ - 1) / size_;
  const std::uint64_t end = std::min<std::uint64_t>(count, number + 1 + threads_.size());
  for (std::uint64_t next = number + 1; next < end; ++next) {
    if (!known({&source, next})) ask({&source, next}, false);
  }
}

BlockCache::Bytes BlockCache::block(const BlockSource& source, std::uint64_t number, std::uint64_t count) {
  std::shared_future<Bytes> bytes;
  {
    const std::lock_guard guard(mutex_);
    const Key key{&source, number};
    auto entry = entries_.find(key);
    if (entry == entries_.end()) {
      // Read again, as what is behind it will be.
      if (const auto spent = spent_.find(key); spent != spent_.end())
        spent_.erase(spent, spent_.upper_bound({&source, ~std::uint64_t{0}}));
      ask(key, true);
      entry = entries_.find(key);
    } else {
      used_.splice(used_.begin(), used_, entry->second.used);
    }
    bytes = entry->second.bytes;
    fetch_behind(source, number);
    entry->second.left -= std::min(entry->second.left, count);
    if (entry->second.left == 0) {
      used_.erase(entry->second.used);
      entries_.erase(entry);
      spent_.insert(key);
    }
    drop_oldest();
  }
  return bytes.get();
}

void BlockCache::read(const BlockSource& source, std::uint64_t offset, std::span<std::byte> out) {
  while (!out.empty()) {
    const std::uint64_t skipped = offset % size_;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - skipped));
    const Bytes bytes = block(source, offset / size_, count);
    std::memcpy(out.data(), bytes->data() + skipped, count);
    out = out.subspan(count);
    offset += count;
  }
}

}  // namespace mhub
