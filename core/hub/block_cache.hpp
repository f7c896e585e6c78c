// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <thread>
#include <vector>

namespace mhub {

/// Where blocks come from: a file, in ranges.
class BlockSource {
 public:
  virtual ~BlockSource() = default;
  virtual std::uint64_t size() const = 0;
  /// So many bytes at its beginning are known already, and nobody asks for them.
  virtual std::uint64_t front() const { return 0; }
  /// Appends the bytes from `begin` to `end`. Called from several threads at a time. Throws mhub::Error.
  virtual void fetch(std::uint64_t begin, std::uint64_t end, std::vector<std::byte>& out) const = 0;
};

/// Memory that is used again: fresh memory for every block would cost as much as its copying does.
class SpareBuffers {
 public:
  using Bytes = std::shared_ptr<const std::vector<std::byte>>;
  std::vector<std::byte> take();
  /// Takes the memory back when the last holder lets go. This must outlive them.
  Bytes shared(std::vector<std::byte> bytes);

 private:
  std::mutex mutex_;
  std::vector<std::vector<std::byte>> spare_;
};

/// Blocks of files that are far away and are read once, so that reads of any size and order cost few and long
/// requests: what comes behind a block that is read is fetched ahead, and a block is kept until as many bytes
/// of it were read as it has. Memory that is let go soon is little, and little memory is fast. Thread-safe.
class BlockCache {
 public:
  /// Fetches `threads` blocks of `block` bytes at a time and keeps at most `blocks`, those used last.
  BlockCache(int threads, std::uint64_t block, std::size_t blocks);
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  /// Fills `out` from `offset` of a source, which must outlive the cache. Throws what its `fetched` throws.
  void read(const BlockSource& source, std::uint64_t offset, std::span<std::byte> out);

 private:
  using Bytes = SpareBuffers::Bytes;
  using Key = std::pair<const BlockSource*, std::uint64_t>;  ///< the block's number
  struct Task {
    Key key;
    std::promise<Bytes> promise;
  };
  struct Entry {
    std::shared_future<Bytes> bytes;
    std::list<Key>::iterator used;
    std::uint64_t left = 0;  ///< bytes of it that nobody has read
  };

  /// A block of which `count` bytes are wanted.
  Bytes block(const BlockSource& source, std::uint64_t number, std::uint64_t count);
  void fetch_behind(const BlockSource& source, std::uint64_t number);
  std::uint64_t begin_of(const Key& key) const { return key.second * size_; }
  std::uint64_t end_of(const Key& key) const { return std::min(key.first->size(), begin_of(key) + size_); }
  void ask(const Key& key, bool first);
  void drop_oldest();
  void work();

  std::uint64_t size_;
  std::size_t most_;
  SpareBuffers buffers_;  ///< outlives the blocks
  std::mutex mutex_;
  std::condition_variable ready_;
  std::map<Key, Entry> entries_;
  std::set<Key> spent_;  ///< were read and are gone
  std::list<Key> used_;  ///< the latest first
  std::deque<Task> tasks_;
  bool ends_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace mhub
