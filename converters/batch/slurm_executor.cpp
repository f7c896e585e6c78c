// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <deque>
#include <limits>
#include <map>
#include <thread>

#include "entry_parts.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "slurm_entry.hpp"

namespace mhub::converters {
namespace {

/// Entries as jobs of Slurm. Everything that another process has to know lies beside the outputs, so that
/// this one may end at any moment; jobs go on without it, in their order.
class SlurmExecutor final : public Executor {
 public:
  SlurmExecutor(const Recipe& recipe, const ExecutorSettings& settings,
                std::function<JobContext(std::size_t)> context)
      : recipe_(recipe), settings_(settings), context_(std::move(context)) {
    if (!queue_.look()) throw IoError("squeue: " + queue_.trouble());
  }

  std::size_t capacity() const override { return settings_.at_once; }
  bool queues() const override { return true; }

  void start(std::size_t entry) override {
    const RecipeEntry& one = recipe_.entries[entry];
    const JobContext context = context_(entry);
    cancelled_ = context.callbacks.cancelled;
    try {
      if (needs_stay(entry) && nothing_to_do(one, RunState::load(one), context.identities->of(one))) {
        SlurmRecord::remove(one);
        return end(entry, run_entry(one, context));
      }
      submit(entry, context);
    } catch (const std::exception&) {
      running_.erase(entry);
      end(entry, failed(one, failure_of(std::current_exception())));
    }
  }

  void stop() override { stopping_ = !(cancelled_ && cancelled_()); }

  std::pair<std::size_t, EntryOutcome> wait() override {
    while (ended_.empty()) {
      if (cancelled_ && cancelled_()) {
        leave();
      } else if (queue_.look()) {
        told_ = false;
        look();
      } else if (!told_) {
        told_ = true;
        for (const auto& [entry, jobs] : running_) context_(entry).say("squeue: " + queue_.trouble());
      }
      if (ended_.empty()) pause();
    }
    auto one = std::move(ended_.front());
    ended_.pop_front();
    return one;
  }

 private:
  /// Nothing that it needs is or was at work.
  bool needs_stay(std::size_t entry) const {
    const auto& needs = recipe_.entries[entry].needs;
    return std::all_of(needs.begin(), needs.end(), [&](std::size_t other) {
      const auto found = status_.find(other);
      return !running_.contains(other) &&
             (found == status_.end() || found->second == EntryStatus::up_to_date);
    });
  }
  bool needs_done(std::size_t entry) const {
    const auto& needs = recipe_.entries[entry].needs;
    return std::none_of(needs.begin(), needs.end(),
                        [&](std::size_t other) { return running_.contains(other); });
  }
  std::vector<std::string> jobs_before(std::size_t entry) const {
    std::vector<std::string> ids;
    for (const std::size_t other : recipe_.entries[entry].needs) {
      if (const auto found = running_.find(other); found != running_.end())
        ids.push_back(found->second.last_id());
    }
    return ids;
  }

  void submit(std::size_t entry, const JobContext& context) {
    const RecipeEntry& one = recipe_.entries[entry];
    const Descriptor lock = lock_jobs(one);
    SlurmEntry& jobs = running_.emplace(entry, SlurmEntry(one, settings_, context.say)).first->second;
    const bool new_needs = std::any_of(one.needs.begin(), one.needs.end(),
                                       [&](std::size_t other) { return submitted_.contains(other); });
    // What another process has submitted since is in no older list.
    if (!jobs.ids().empty()) queue_.look();
    if (!new_needs && jobs.take_up(queue_)) return;
    submitted_.insert(entry);
    jobs.submit(jobs_before(entry), queue_);
  }

  void look() {
    // In the recipe's order: what an entry needs is looked at before it.
    for (const std::size_t entry : recipe_.order()) {
      const auto found = running_.find(entry);
      if (found == running_.end()) continue;
      try {
        look_at(entry, found->second);
      } catch (const std::exception&) {
        finish(entry, failed(recipe_.entries[entry], failure_of(std::current_exception())));
      }
    }
  }
  void look_at(std::size_t entry, SlurmEntry& jobs) {
    for (const std::size_t other : recipe_.entries[entry].needs) {
      const auto need = status_.find(other);
      if (need == status_.end() || need->second == EntryStatus::done ||
          need->second == EntryStatus::up_to_date)
        continue;
      jobs.cancel(false);
      return finish(entry,
                    not_run(entry, "it needs " + recipe_.entries[other].name + ", which did not end well"));
    }
    if (stopping_) {
      jobs.cancel(true);
      stopped_.insert(entry);
    }
    if (stopped_.contains(entry) && !jobs.any_active(queue_) && !jobs.reported())
      return finish(entry, not_run(entry, "another one failed"));
    if (auto outcome = jobs.look(queue_, needs_done(entry))) return finish(entry, std::move(*outcome));
    if (jobs.resubmitted()) follow(entry);
  }
  /// Those that wait for an entry wait for its new job.
  void follow(std::size_t entry) {
    for (auto& [other, jobs] : running_) {
      const auto& needs = recipe_.entries[other].needs;
      if (std::find(needs.begin(), needs.end(), entry) == needs.end()) continue;
      jobs.submit_anew(jobs_before(other));
      follow(other);
    }
  }
  void finish(std::size_t entry, EntryOutcome outcome) {
    running_.at(entry).forget();
    running_.erase(entry);
    end(entry, std::move(outcome));
  }
  void end(std::size_t entry, EntryOutcome outcome) {
    status_[entry] = outcome.status;
    ended_.emplace_back(entry, std::move(outcome));
  }

  /// The user stops this process; the jobs go on.
  void leave() {
    for (const auto& [entry, jobs] : running_) {
      std::string ids;
      for (const std::string& id : jobs.ids()) ids += " " + id;
      EntryOutcome outcome = failed(
          recipe_.entries[entry],
          {exit_code(ErrorCategory::interrupted),
           "its jobs" + ids + " go on; the same command follows them again, with --cancel it cancels them"});
      outcome.status = EntryStatus::interrupted;
      end(entry, std::move(outcome));
    }
    running_.clear();
  }
  void pause() const {
    for (const double until = now_seconds() + settings_.poll; now_seconds() < until;) {
      if (cancelled_ && cancelled_()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  EntryOutcome not_run(std::size_t entry, const std::string& why) const {
    EntryOutcome outcome;
    outcome.name = recipe_.entries[entry].name;
    outcome.why = why;
    return outcome;
  }
  static EntryOutcome failed(const RecipeEntry& entry, const Failure& failure) {
    EntryOutcome outcome;
    outcome.name = entry.name;
    outcome.status = EntryStatus::failed;
    outcome.failure = failure;
    outcome.started = outcome.ended = now_seconds();
    return outcome;
  }

  const Recipe& recipe_;
  const ExecutorSettings settings_;
  std::function<JobContext(std::size_t)> context_;
  std::function<bool()> cancelled_;
  SlurmQueue queue_;
  std::map<std::size_t, SlurmEntry> running_;
  std::map<std::size_t, EntryStatus> status_;  ///< of those that have ended
  std::set<std::size_t> submitted_;            ///< by this process, not taken up
  std::set<std::size_t> stopped_;
  std::deque<std::pair<std::size_t, EntryOutcome>> ended_;
  bool stopping_ = false, told_ = false;
};

}  // namespace

std::unique_ptr<Executor> slurm_executor(const Recipe& recipe, const ExecutorSettings& settings,
                                         std::function<JobContext(std::size_t)> context) {
  return std::make_unique<SlurmExecutor>(recipe, settings, std::move(context));
}

std::size_t cancel_slurm_jobs(const Recipe& recipe, const std::set<std::size_t>& only) {
  std::vector<SubmittedJob> jobs;
  for (std::size_t entry = 0; entry < recipe.entries.size(); ++entry) {
    if (!only.empty() && !only.contains(entry)) continue;
    for (SubmittedJob& job : SlurmRecord::load(recipe.entries[entry]).jobs) jobs.push_back(std::move(job));
  }
  if (jobs.empty()) return 0;
  SlurmQueue queue;
  if (!queue.look()) throw IoError("squeue: " + queue.trouble());
  std::vector<std::string> ids;
  for (const SubmittedJob& job : jobs) {
    if (queue.active(job)) ids.push_back(queue.of(job).front().id);
  }
  SlurmQueue::cancel(ids, false);
  return ids.size();
}

}  // namespace mhub::converters
