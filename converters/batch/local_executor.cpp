// SPDX-License-Identifier: Apache-2.0
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "executor.hpp"

namespace mhub::converters {
namespace {

class LocalExecutor final : public Executor {
 public:
  LocalExecutor(const Recipe& recipe, std::size_t at_once, std::function<JobContext(std::size_t)> context)
      : recipe_(recipe), at_once_(at_once), context_(std::move(context)) {}
  ~LocalExecutor() override {
    for (auto& [entry, thread] : threads_) thread.join();
  }

  std::size_t capacity() const override { return at_once_; }

  void start(std::size_t entry) override {
    threads_.emplace(entry, std::thread([this, entry] {
                       EntryOutcome outcome = run_entry(recipe_.entries[entry], context_(entry));
                       const std::lock_guard lock(mutex_);
                       done_.emplace_back(entry, std::move(outcome));
                       finished_.notify_one();
                     }));
  }

  std::pair<std::size_t, EntryOutcome> wait() override {
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [&] { return !done_.empty(); });
    auto one = std::move(done_.front());
    done_.pop_front();
    lock.unlock();
    const auto thread = threads_.find(one.first);
    thread->second.join();
    threads_.erase(thread);
    return one;
  }

 private:
  const Recipe& recipe_;
  std::size_t at_once_;
  std::function<JobContext(std::size_t)> context_;
  std::mutex mutex_;
  std::condition_variable finished_;
  std::deque<std::pair<std::size_t, EntryOutcome>> done_;
  std::map<std::size_t, std::thread> threads_;  ///< by entry
};

}  // namespace

std::unique_ptr<Executor> local_executor(const Recipe& recipe, std::size_t at_once,
                                         std::function<JobContext(std::size_t)> context) {
  return std::make_unique<LocalExecutor>(recipe, at_once, std::move(context));
}

}  // namespace mhub::converters
