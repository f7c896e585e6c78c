// SPDX-License-Identifier: Apache-2.0
#include "schedule.hpp"

#include <algorithm>

namespace mhub::converters {
namespace {

class Schedule {
 public:
  Schedule(const Recipe& recipe, Executor& executor, const ScheduleOptions& options)
      : recipe_(recipe), executor_(executor), options_(options), outcomes_(recipe.entries.size()) {
    for (const std::size_t k : recipe.order()) {
      if (chosen(k)) waiting_.push_back(k);
    }
  }

  BatchOutcome run() {
    BatchOutcome result;
    result.started = now_seconds();
    while (true) {
      start_ready();
      if (running_ == 0) break;
      auto [entry, outcome] = executor_.wait();
      --running_;
      if (!outcome.good()) {
        if (code_ == 0) code_ = outcome.failure.code;
        const bool stop = !options_.keep_going || outcome.status == EntryStatus::interrupted;
        if (stop && !stopped_) executor_.stop();
        stopped_ = stopped_ || stop;
      }
      end(entry, std::move(outcome));
    }
    // Nothing runs, and none of these may begin.
    for (const std::size_t k : waiting_) not_run(k, "another one failed");
    const bool cancelled = options_.cancelled && options_.cancelled();
    result.code = cancelled ? exit_code(ErrorCategory::interrupted) : code_;
    result.ended = now_seconds();
    for (std::size_t k = 0; k < outcomes_.size(); ++k) {
      if (!chosen(k)) continue;
      result.numbers.push_back(k);
      result.entries.push_back(std::move(*outcomes_[k]));
    }
    return result;
  }

 private:
  bool chosen(std::size_t entry) const { return options_.only.empty() || options_.only.contains(entry); }

  void start_ready() {
    std::vector<std::size_t> later;
    for (const std::size_t k : waiting_) {
      const std::string blocked = failed_need(k);
      const bool stopped = stopped_ || (options_.cancelled && options_.cancelled());
      if (!blocked.empty()) {
        not_run(k, "it needs " + blocked + ", which did not end well");
      } else if (stopped || running_ >= executor_.capacity() || !ready(k)) {
        later.push_back(k);
      } else {
        ++running_;
        started_.insert(k);
        if (options_.on_start) options_.on_start(k);
        executor_.start(k);
      }
    }
    waiting_ = std::move(later);
  }
  bool ready(std::size_t entry) const {
    const auto& needs = recipe_.entries[entry].needs;
    return std::all_of(needs.begin(), needs.end(), [&](std::size_t other) {
      if (executor_.queues() && started_.contains(other)) return true;
      return !chosen(other) || (outcomes_[other] && outcomes_[other]->good());
    });
  }
  /// The name of one that it needs and that will not come.
  std::string failed_need(std::size_t entry) const {
    for (const std::size_t other : recipe_.entries[entry].needs) {
      if (outcomes_[other] && !outcomes_[other]->good()) return recipe_.entries[other].name;
    }
    return {};
  }
  void not_run(std::size_t entry, const std::string& why) {
    EntryOutcome outcome;
    outcome.name = recipe_.entries[entry].name;
    outcome.why = why;
    end(entry, std::move(outcome));
  }
  void end(std::size_t entry, EntryOutcome outcome) {
    outcomes_[entry] = std::move(outcome);
    if (options_.on_end) options_.on_end(entry, *outcomes_[entry]);
  }

  const Recipe& recipe_;
  Executor& executor_;
  const ScheduleOptions& options_;
  std::vector<std::optional<EntryOutcome>> outcomes_;
  std::vector<std::size_t> waiting_;  ///< each behind those that it needs
  std::set<std::size_t> started_;
  std::size_t running_ = 0;
  bool stopped_ = false;
  int code_ = 0;
};

}  // namespace

BatchOutcome run_schedule(const Recipe& recipe, Executor& executor, const ScheduleOptions& options) {
  return Schedule(recipe, executor, options).run();
}

}  // namespace mhub::converters
