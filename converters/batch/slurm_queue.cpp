// SPDX-License-Identifier: Apache-2.0
#include "slurm_queue.hpp"

#include <algorithm>
#include <chrono>
#include <sys/stat.h>
#include <thread>

#include "child.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

namespace mhub::converters {
namespace {

constexpr int kAttempts = 5;

/// What a program said, in one line.
std::string said_by(const ChildResult& done) {
  std::string text = done.err.empty() ? done.out : done.err;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.empty() ? "exit code " + std::to_string(done.code) : text;
}

/// The controller is there and refuses: asking again will not help.
bool is_refusal(const std::string& said) {
  for (const char* passing : {"Unable to contact", "timed out", "Socket", "Zero Bytes", "temporarily",
                              "Connection refused", "ommunication"}) {
    if (said.find(passing) != said.npos) return false;
  }
  return true;
}

}  // namespace

bool SlurmQueue::look() {
  const ChildResult done = run_child(squeue_command());
  if (done.code != 0) {
    trouble_ = said_by(done);
    return false;
  }
  trouble_.clear();
  jobs_ = parse_squeue(done.out);
  return true;
}

std::vector<QueuedJob> SlurmQueue::of(const SubmittedJob& job) const {
  std::vector<QueuedJob> found;
  for (const QueuedJob& one : jobs_) {
    // Numbers come back after some millions of jobs; names do not.
    if (one.name == job.name && (job.id.empty() || one.id == job.id)) found.push_back(one);
  }
  return found;
}

bool SlurmQueue::active(const SubmittedJob& job) const {
  const std::vector<QueuedJob> found = of(job);
  return std::any_of(found.begin(), found.end(), [](const QueuedJob& one) { return one.active(); });
}

bool SlurmQueue::task_active(const SubmittedJob& job, int task) const {
  const std::vector<QueuedJob> found = of(job);
  return std::any_of(found.begin(), found.end(),
                     [&](const QueuedJob& one) { return one.task == task && one.active(); });
}

std::string SlurmQueue::submit(const ExecutorSettings& settings, const Submission& job,
                               const std::vector<std::string>& command) {
  std::error_code error;
  fs::create_directories(job.folder, error);
  if (error) throw IoError("cannot create folder", job.folder, error.value());
  replace_file(job.folder + "/job.sh", job_script(job));
  for (int attempt = 1;; ++attempt) {
    const ChildResult done = run_child(sbatch_command(settings, job, command));
    if (done.code == 0) return parse_sbatch(done.out);
    const std::string said = said_by(done);
    if (is_refusal(said)) throw UsageError("sbatch refuses the job " + job.name + ": " + said);
    if (attempt == kAttempts) throw IoError("sbatch: " + said);
    std::this_thread::sleep_for(std::chrono::seconds(attempt));
    // It may have taken the job and not come to say so.
    SlurmQueue queue;
    if (!queue.look()) continue;
    const std::vector<QueuedJob> there = queue.of({"", job.name, "", {}});
    if (!there.empty()) return there.front().id;
  }
}

void SlurmQueue::cancel(const std::vector<std::string>& ids, bool pending) {
  if (ids.empty()) return;
  std::vector<std::string> words{"scancel", "--quiet"};
  if (pending) words.emplace_back("--state=PENDING");
  words.insert(words.end(), ids.begin(), ids.end());
  run_child(words);  // of jobs that are over it says so, and that is well
}

}  // namespace mhub::converters
