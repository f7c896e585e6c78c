// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "slurm_queue.hpp"

namespace mhub::converters {

/// The jobs of one entry: submitted, followed, submitted again where they were lost.
class SlurmEntry {
 public:
  using Say = std::function<void(const std::string&)>;

  /// Borrows all of them. `say` is a sentence for people.
  SlurmEntry(const RecipeEntry& entry, const ExecutorSettings& settings, Say say)
      : entry_(entry), settings_(settings), say_(std::move(say)), record_(SlurmRecord::load(entry)) {}

  /// Takes up what an earlier process submitted and what is still on its way; false where there is nothing.
  bool take_up(const SlurmQueue& queue);
  /// Submits all of it, and cancels what an earlier process submitted. `after`: the jobs that have to end
  /// well before it.
  void submit(std::vector<std::string> after, const SlurmQueue& queue);
  /// The same again because one that comes before it has another job now.
  void submit_anew(std::vector<std::string> after);

  /// What came of it, once it has; until then nothing. Submits lost jobs again, and says so in
  /// `resubmitted`. `needs_done`: all that it needs has ended well.
  std::optional<EntryOutcome> look(const SlurmQueue& queue, bool needs_done);
  bool resubmitted() const { return resubmitted_; }

  /// Of the job that ends the entry.
  std::string last_id() const { return record_.last() == nullptr ? "" : record_.last()->id; }
  std::vector<std::string> ids() const;
  /// Cancels its jobs; `pending`: what has not begun.
  void cancel(bool pending) const { SlurmQueue::cancel(ids(), pending); }
  bool any_active(const SlurmQueue& queue) const;
  /// The last one has left its report.
  bool reported() const {
    return record_.last() != nullptr && reported_outcome(entry_, *record_.last()).has_value();
  }
  /// Forgets them.
  void forget() const { SlurmRecord::remove(entry_); }

 private:
  void cancel_known(const SlurmQueue& queue) const;
  std::string submit_one(std::vector<int> tasks, const std::vector<std::string>& after);
  void submit_parts(std::vector<int> tasks, std::vector<std::string> after);
  std::optional<EntryOutcome> recover(const std::vector<int>& tasks, const SubmittedJob& lost,
                                      const SlurmQueue& queue, bool needs_done);
  std::optional<EntryOutcome> look_at_parts(const SlurmQueue& queue, bool needs_done, bool& wait);
  EntryOutcome failed(const Failure& failure) const;
  void tell(const SlurmQueue& queue);

  const RecipeEntry& entry_;
  const ExecutorSettings& settings_;
  Say say_;
  SlurmRecord record_;
  std::vector<std::string> after_;
  std::string told_;
  int absent_ = 0;  ///< looks in a row at which a job was over and had left nothing
  bool resubmitted_ = false;
  double started_ = now_seconds();
};

}  // namespace mhub::converters
