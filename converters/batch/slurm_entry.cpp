// SPDX-License-Identifier: Apache-2.0
#include "slurm_entry.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <random>
#include <set>

#include "entry_parts.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

namespace mhub::converters {
namespace {

/// A network file system shows what another machine wrote a little later.
constexpr int kLooks = 3;

std::string unique_name(const RecipeEntry& entry) {
  std::random_device random;
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%08x%08x", random(), random());
  return "mhub-" + entry.name + "-" + text.data();
}

std::string id_list(const std::vector<std::string>& ids) {
  std::string text;
  for (const std::string& id : ids) text += (text.empty() ? "" : ", ") + id;
  return text;
}

/// What ends by itself and may go better elsewhere.
bool worth_another_node(int code) {
  return code == exit_code(ErrorCategory::interrupted) || code == exit_code(ErrorCategory::io);
}

/// "TIMEOUT", where Slurm still knows.
std::string end_of(const SlurmQueue& queue, const SubmittedJob& job) {
  std::set<std::string> states;
  for (const QueuedJob& one : queue.of(job)) {
    if (!one.active() && one.state != "COMPLETED") states.insert(one.state);
  }
  std::string text;
  for (const std::string& state : states) text += (text.empty() ? "" : ", ") + state;
  return text.empty() ? "it left no report" : text;
}

}  // namespace

bool SlurmEntry::take_up(const SlurmQueue& queue) {
  const bool same = record_.settings == jobs_settings(entry_);
  // One that was being submitted when that process died has its number in the queue, if it came there.
  std::erase_if(record_.jobs, [&](SubmittedJob& job) {
    const std::vector<QueuedJob> found = queue.of(job);
    if (job.id.empty() && !found.empty()) job.id = found.front().id;
    return job.id.empty();
  });
  if (!any_active(queue)) return false;
  if (!same || record_.last() == nullptr || !queue.active(*record_.last())) {
    cancel_known(queue);
    return false;
  }
  record_.save(entry_);
  say_("is in the queue already: " + id_list(ids()));
  return true;
}

/// A number alone may be another cluster's: only what has the name as well is ours.
void SlurmEntry::cancel_known(const SlurmQueue& queue) const {
  std::vector<std::string> known;
  for (const SubmittedJob& job : record_.jobs) {
    if (queue.active(job)) known.push_back(queue.of(job).front().id);
  }
  SlurmQueue::cancel(known, false);
}

void SlurmEntry::submit(std::vector<std::string> after, const SlurmQueue& queue) {
  cancel_known(queue);
  const std::string folder = jobs_folder(entry_) + "/slurm";
  fs::remove_all(folder);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw IoError("cannot create folder", folder, error.value());
  record_ = {jobs_settings(entry_), parts_of(entry_, settings_.parts), 0, {}};
  submit_anew(std::move(after));
}

void SlurmEntry::submit_anew(std::vector<std::string> after) {
  cancel(false);
  record_.jobs.clear();
  after_ = after;
  std::vector<int> all(record_.parts > 1 ? static_cast<std::size_t>(record_.parts) : 0);
  std::iota(all.begin(), all.end(), 1);
  submit_parts(std::move(all), std::move(after));
}

void SlurmEntry::submit_parts(std::vector<int> tasks, std::vector<std::string> after) {
  absent_ = 0;
  if (!tasks.empty()) after = {submit_one(std::move(tasks), after)};
  submit_one({}, after);
  say_("submitted: " + id_list(ids()));
}

std::string SlurmEntry::submit_one(std::vector<int> tasks, const std::vector<std::string>& after) {
  SubmittedJob job{"", unique_name(entry_), "", std::move(tasks)};
  job.folder = jobs_folder(entry_) + "/slurm/" + job.name;
  std::vector<std::string> command = settings_.command;
  for (const std::string& word :
       {std::string("--only"), entry_.name, std::string("--report-folder"), job.folder})
    command.push_back(word);
  record_.jobs.push_back(job);
  record_.save(entry_);
  const Submission submission{job.name, job.folder, job.tasks, record_.parts, after};
  record_.jobs.back().id = SlurmQueue::submit(settings_, submission, command);
  record_.save(entry_);
  return record_.jobs.back().id;
}

std::vector<std::string> SlurmEntry::ids() const {
  std::vector<std::string> ids;
  for (const SubmittedJob& job : record_.jobs) {
    if (!job.id.empty()) ids.push_back(job.id);
  }
  return ids;
}

bool SlurmEntry::any_active(const SlurmQueue& queue) const {
  return std::any_of(record_.jobs.begin(), record_.jobs.end(),
                     [&](const SubmittedJob& job) { return queue.active(job); });
}

std::optional<EntryOutcome> SlurmEntry::look(const SlurmQueue& queue, bool needs_done) {
  resubmitted_ = false;
  tell(queue);
  bool wait = false;
  if (std::optional<EntryOutcome> outcome = look_at_parts(queue, needs_done, wait)) return outcome;
  if (wait || record_.last() == nullptr) return std::nullopt;
  const SubmittedJob last = *record_.last();
  const std::vector<QueuedJob> lines = queue.of(last);
  const bool stuck =
      needs_done && std::any_of(lines.begin(), lines.end(), [](const QueuedJob& one) { return one.stuck(); });
  if (queue.active(last) && !stuck) {
    absent_ = 0;
    return std::nullopt;
  }
  std::optional<EntryOutcome> outcome = reported_outcome(entry_, last);
  // A job that was told to end says that it was interrupted, or that it did not begin.
  if (outcome && (outcome->good() || outcome->status == EntryStatus::failed)) return outcome;
  if (++absent_ < kLooks) return std::nullopt;
  return recover({}, last, queue, needs_done);
}

/// Looks at the array of parts; `wait`: the entry's last job has no reason to be over yet.
std::optional<EntryOutcome> SlurmEntry::look_at_parts(const SlurmQueue& queue, bool needs_done, bool& wait) {
  const auto parts = std::find_if(record_.jobs.rbegin(), record_.jobs.rend(),
                                  [](const SubmittedJob& job) { return !job.tasks.empty(); });
  if (parts == record_.jobs.rend()) return std::nullopt;
  const std::vector<QueuedJob> lines = queue.of(*parts);
  const bool stuck =
      needs_done && std::any_of(lines.begin(), lines.end(), [](const QueuedJob& one) { return one.stuck(); });
  if (queue.active(*parts) && !stuck) {
    wait = true;
    absent_ = 0;
    return std::nullopt;
  }
  std::vector<int> lost;
  for (const int task : parts->tasks) {
    const std::optional<Failure> end = reported_part(*parts, task);
    if (end && end->code != 0 && !worth_another_node(end->code)) {
      cancel(false);
      return failed(*end);
    }
    if (!end || end->code != 0) lost.push_back(task);
  }
  if (lost.empty()) return std::nullopt;
  wait = true;
  if (++absent_ < kLooks) return std::nullopt;
  return recover(lost, *parts, queue, needs_done);
}

std::optional<EntryOutcome> SlurmEntry::recover(const std::vector<int>& tasks, const SubmittedJob& lost,
                                                const SlurmQueue& queue, bool needs_done) {
  // Some clusters cancel jobs whose need has failed; they come with that one.
  if (!needs_done) return std::nullopt;
  const std::string what =
      (tasks.empty() ? "job " + lost.id : "part " + task_list(tasks) + " of job " + lost.id) + " was lost (" +
      end_of(queue, lost) + ")";
  if (record_.resubmitted >= settings_.resubmissions) {
    cancel(false);
    return failed({exit_code(ErrorCategory::io), what + ", and was submitted " +
                                                     std::to_string(record_.resubmitted) +
                                                     " times before; its log is in " + lost.folder});
  }
  ++record_.resubmitted;
  say_(what + "; it is submitted again");
  cancel(false);
  resubmitted_ = true;
  submit_parts(tasks, {});
  return std::nullopt;
}

EntryOutcome SlurmEntry::failed(const Failure& failure) const {
  EntryOutcome outcome;
  outcome.name = entry_.name;
  outcome.status = EntryStatus::failed;
  outcome.failure = failure;
  outcome.failed_step = entry_.converts() ? "convert" : "";
  outcome.attempts = record_.resubmitted + 1;
  outcome.started = started_;
  outcome.ended = now_seconds();
  return outcome;
}

void SlurmEntry::tell(const SlurmQueue& queue) {
  std::size_t running = 0, pending = 0;
  std::string reason, nodes;
  for (const SubmittedJob& job : record_.jobs) {
    for (const QueuedJob& one : queue.of(job)) {
      if (one.state == "RUNNING") {
        ++running;
        nodes += (nodes.empty() ? "" : ", ") + one.nodes;
      } else if (one.active()) {
        ++pending;
        if (one.reason != "Dependency" && one.reason != "None") reason = one.reason;
      }
    }
  }
  std::string now;
  if (running > 0) now = "runs on " + nodes;
  if (running == 0 && pending > 0 && !reason.empty()) now = "is queued (" + reason + ")";
  if (!now.empty() && now != told_) say_(now);
  if (!now.empty()) told_ = now;
}

}  // namespace mhub::converters
