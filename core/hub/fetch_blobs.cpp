// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/fetch_blobs.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <list>
#include <thread>

#include "mhub/hub/blob_writer.hpp"
#include "mhub/hub/file_lock.hpp"
#include "mhub/hub/range.hpp"

namespace mhub {
namespace {

constexpr std::uint64_t kChunk = 8 << 20;
/// So many bytes are written at once.
constexpr std::uint64_t kWrite = 256 << 10;
using Buffer = std::vector<std::byte>;

/// A chunk of a file, as far as it has come.
struct Part {
  std::uint64_t begin = 0;
  Buffer bytes;
  std::size_t written = 0;  ///< of them

  std::span<const std::byte> rest() const { return std::span(bytes).subspan(written); }
};

/// A file that is being fetched: chunks are handed out in order, come in any, and are written in order.
struct Coming {
  Coming(Hub& hub, const RepoCache& cache, const FetchRequest& request, const RepoFile& file, FileLock held)
      : lock(std::move(held)),
        reader(hub, request.repo, request.commit, file, Hashed::yes),
        writer(cache, reader.file()) {
    next = writer.size();
  }

  FileLock lock;
  RangeReader reader;
  BlobWriter writer;
  std::uint64_t next;                     ///< begin of the chunk that is handed out next
  std::map<std::uint64_t, Part> waiting;  ///< whole chunks before their turn, by where they go on
  bool writing = false;                   ///< a thread gives bytes to the writer
  bool done = false;                      ///< the blob has its name
  std::string wrong_hash;                 ///< that an earlier attempt ended with
  int wrong = 0;

  std::uint64_t size() const { return reader.file().size; }
};
using Files = std::list<std::shared_ptr<Coming>>;

/// One call of fetch_blobs. `mutex_` guards everything but what the thread that `writing` names does with
/// a writer.
class Fetch {
 public:
  Fetch(Hub& hub, const RepoCache& cache, const FetchRequest& request)
      : hub_(hub), cache_(cache), request_(request), pending_(request.files.begin(), request.files.end()) {
    for (const RepoFile& file : request.files) largest_ = std::max(largest_, file.size);
  }

  void run() {
    const auto count = static_cast<std::size_t>(std::max(1, request_.connections));
    std::vector<std::thread> threads;
    for (std::size_t k = 0; k < count; ++k) threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  struct Task {
    std::shared_ptr<Coming> file;
    std::uint64_t begin = 0, end = 0;
  };

  void work() {
    try {
      while (const std::optional<Task> task = take()) fetch(*task);
    } catch (...) {
      const std::lock_guard guard(mutex_);
      if (!failure_) failure_ = std::current_exception();
      ready_.notify_all();
    }
  }

  void stop_if_cancelled() const {
    if (hub_.cancelled() && hub_.cancelled()())
      throw Interrupted("interrupted; what was downloaded is kept, and the same command goes on from there");
  }

  /// The next chunk of a file that is coming, else the first of one that nobody else fetches. Waits where
  /// there is none yet; nothing once all is done or something failed.
  std::optional<Task> take() {
    std::unique_lock guard(mutex_);
    for (;;) {
      if (failure_) return std::nullopt;
      stop_if_cancelled();
      if (std::optional<Task> task = next_chunk()) return task;
      if (begin_file(guard)) continue;
      if (pending_.empty() && coming_.empty()) return std::nullopt;
      // Others hold what is left: threads of this process, which notify, or another process, which does not.
      ready_.wait_for(guard, std::chrono::milliseconds(100));
    }
  }

  std::optional<Task> next_chunk() {
    // Chunks that came early are kept in memory: no more of them than of those under way.
    if (chunks_ >= 2 * static_cast<std::size_t>(std::max(1, request_.connections))) return std::nullopt;
    for (const std::shared_ptr<Coming>& file : coming_) {
      if (file->next >= file->size()) continue;
      Task task{file, file->next, std::min(file->next + kChunk, file->size())};
      file->next = task.end;
      ++chunks_;
      return task;
    }
    return std::nullopt;
  }

  /// Begins one of the files that are left, or finds it there; false where all of them are locked. No thread
  /// waits for a lock: two processes with half of the files each would wait for each other.
  bool begin_file(std::unique_lock<std::mutex>& guard) {
    for (std::size_t left = pending_.size(); left > 0; --left) {
      const RepoFile file = pending_.front();
      pending_.pop_front();
      FileLock lock(cache_.lock(file.etag()));
      if (!lock.try_take()) {
        pending_.push_back(file);
        continue;
      }
      ++opening_;
      guard.unlock();
      std::shared_ptr<Coming> coming;
      try {
        coming = begun(file, std::move(lock));
      } catch (...) {
        guard.lock();
        --opening_;
        throw;
      }
      guard.lock();
      --opening_;
      if (coming) coming_.push_back(coming);
      ready_.notify_all();
      return true;
    }
    return opening_ > 0 && wait_for_opening(guard);
  }
  /// Another thread is reading what an earlier download left: there will be chunks then.
  bool wait_for_opening(std::unique_lock<std::mutex>& guard) {
    ready_.wait_for(guard, std::chrono::milliseconds(100));
    return true;
  }

  /// Nothing where the blob is there already, or came while we waited for its lock.
  std::shared_ptr<Coming> begun(const RepoFile& file, FileLock lock) {
    if (cache_.has_blob(file)) {
      request_.on_bytes(file.size);
      finish(file);
      return nullptr;
    }
    auto coming = std::make_shared<Coming>(hub_, cache_, request_, file, std::move(lock));
    request_.on_bytes(coming->writer.size());
    request_.on_size(file, coming->writer.size());
    while (coming->writer.size() == file.size) {
      if (ended(*coming)) return nullptr;  // which throws for an empty file whose hash is another's
    }
    coming->next = coming->writer.size();
    return coming;
  }

  void finish(const RepoFile& file) {
    cache_.link(request_.commit, file.name, file.etag());
    if (request_.on_file) request_.on_file(file);
  }

  /// Fetches a chunk and hands it in; of one that breaks off, what came.
  void fetch(const Task& task) {
    Coming& file = *task.file;
    Part part{task.begin, spare()};
    try {
      file.reader.read(task.begin, task.end, [&](std::span<const std::byte> piece) {
        part.bytes.insert(part.bytes.end(), piece.begin(), piece.end());
        if (part.bytes.size() >= part.written + kWrite) write_through(file, part);
      });
    } catch (...) {
      write_through(file, part);
      throw;
    }
    hand_in(file, std::move(part));
  }

  /// Where it is a chunk's turn, its bytes are written while it is still coming: a killed download of a slow
  /// network gets on, too.
  void write_through(Coming& file, Part& part) {
    {
      const std::lock_guard guard(mutex_);
      if (file.writing || file.writer.size() != part.begin + part.written) return;
      file.writing = true;
    }
    append(file, part);
    part.written = part.bytes.size();
    const std::lock_guard guard(mutex_);
    file.writing = false;
  }

  void append(Coming& file, const Part& part) const {
    file.writer.append(part.rest());
    request_.on_size(file.reader.file(), file.writer.size());
    request_.on_bytes(part.rest().size());
  }

  /// Keeps a whole chunk until its turn, and writes those whose turn it is.
  void hand_in(Coming& file, Part part) {
    std::unique_lock guard(mutex_);
    if (part.rest().empty()) {
      recycle(std::move(part.bytes));
    } else {
      file.waiting.emplace(part.begin + part.written, std::move(part));
    }
    if (file.writing) return;
    file.writing = true;
    while (!file.waiting.empty() && file.waiting.begin()->first == file.writer.size()) {
      Part first = std::move(file.waiting.begin()->second);
      file.waiting.erase(file.waiting.begin());
      guard.unlock();
      append(file, first);
      guard.lock();
      recycle(std::move(first.bytes));
    }
    if (file.done || file.writer.size() < file.size()) {
      file.writing = false;
      return;
    }
    guard.unlock();
    const bool done = ended(file);
    guard.lock();
    file.writing = false;
    file.done = done;
    file.next = done ? file.size() : 0;
    if (done) coming_.remove_if([&](const std::shared_ptr<Coming>& one) { return one.get() == &file; });
    ready_.notify_all();
  }

  /// All bytes of a file are there. False where they are to be fetched again.
  bool ended(Coming& file) {
    const std::optional<std::string> found = file.writer.finish();
    if (!found) {
      finish(file.reader.file());
      file.lock.release();
      return true;
    }
    request_.on_size(file.reader.file(), 0);
    constexpr int kMostWrong = 3;
    if (*found == file.wrong_hash || ++file.wrong >= kMostWrong)
      throw IoError(
          file.reader.what() + ": came with the hash " + *found + " instead of " + file.reader.file().etag() +
          (*found == file.wrong_hash ? ", twice the same: the copy on the server is damaged"
                                     : ", and another one each time: the network damages what it carries"));
    file.wrong_hash = *found;
    return false;
  }

  void recycle(Buffer buffer) {
    buffer.clear();
    spare_.push_back(std::move(buffer));
    --chunks_;
    ready_.notify_all();
  }
  Buffer spare() {
    const std::lock_guard guard(mutex_);
    Buffer buffer;
    if (spare_.empty()) {
      buffer.reserve(static_cast<std::size_t>(std::min(kChunk, largest_)));
    } else {
      buffer = std::move(spare_.back());
      spare_.pop_back();
    }
    return buffer;
  }

  Hub& hub_;
  const RepoCache& cache_;
  const FetchRequest& request_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<RepoFile> pending_;
  Files coming_;
  std::vector<Buffer> spare_;
  std::uint64_t largest_ = 0;  ///< file
  std::size_t chunks_ = 0;     ///< under way or waiting for their turn
  std::size_t opening_ = 0;    ///< files that a thread is beginning
  std::exception_ptr failure_;
};

}  // namespace

void fetch_blobs(Hub& hub, const RepoCache& cache, const FetchRequest& request) {
  FetchRequest filled = request;
  if (!filled.on_bytes) filled.on_bytes = [](std::uint64_t) {};
  if (!filled.on_size) filled.on_size = [](const RepoFile&, std::uint64_t) {};
  Fetch(hub, cache, filled).run();
}

}  // namespace mhub
