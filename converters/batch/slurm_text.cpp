// SPDX-License-Identifier: Apache-2.0
#include "slurm_text.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>
#include <unistd.h>

#include "mhub/base/error.hpp"

namespace mhub::converters {
namespace {

// squeue(1), "JOB STATE CODES": these are over. Others are on their way, whatever later versions add.
constexpr std::array<std::string_view, 11> kEnded{"BOOT_FAIL", "CANCELLED",     "COMPLETED",    "DEADLINE",
                                                  "FAILED",    "NODE_FAIL",     "PREEMPTED",    "REVOKED",
                                                  "TIMEOUT",   "OUT_OF_MEMORY", "LAUNCH_FAILED"};
constexpr std::size_t kColumns = 6;

/// The last column may have the separator in it.
std::vector<std::string> columns_of(const std::string& line) {
  std::vector<std::string> columns;
  std::size_t begin = 0;
  while (columns.size() + 1 < kColumns) {
    const std::size_t end = line.find('|', begin);
    if (end == line.npos) break;
    columns.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  columns.push_back(line.substr(begin));
  return columns;
}

/// A folder in a file name for sbatch, in which "%" begins a pattern (sbatch(1), "FILENAME PATTERN").
std::string literal(const std::string& folder) {
  std::string text;
  for (const char c : folder) text += c == '%' ? "%%" : std::string(1, c);
  return text;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 10 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::vector<std::string> sbatch_command(const ExecutorSettings& settings, const Submission& job,
                                        const std::vector<std::string>& command) {
  std::vector<std::string> words{
      "sbatch",
      "--parsable",
      "--requeue",
      "--job-name=" + job.name,
      "--chdir=" + std::filesystem::current_path().string(),
      "--output=" + literal(job.folder) + "/" + (job.tasks.empty() ? "%j" : "%A_%a") + ".log",
      "--open-mode=append"};
  if (!settings.partition.empty()) words.push_back("--partition=" + settings.partition);
  if (!settings.account.empty()) words.push_back("--account=" + settings.account);
  if (!settings.time.empty()) words.push_back("--time=" + settings.time);
  words.insert(words.end(), settings.more.begin(), settings.more.end());
  if (!job.tasks.empty()) words.push_back("--array=" + task_list(job.tasks));
  if (!job.after.empty()) {
    std::string after = "--dependency=afterok";
    for (const std::string& id : job.after) after += ":" + id;
    words.push_back(after);
  }
  words.push_back(job.folder + "/job.sh");
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

std::string job_script(const Submission& job) {
  const std::string of = std::to_string(job.parts);
  // A name of a node's temporary folder may be the submitter's own.
  std::string script = "#!/bin/sh\n# Written by mhub run --executor slurm; runs its arguments.\nexec \"$@\"";
  if (!job.tasks.empty()) script += " --part \"$SLURM_ARRAY_TASK_ID/" + of + "\"";
  if (job.tasks.empty() && job.parts > 1) script += " --finish-parts " + of;
  return script + "\n";
}

std::string task_list(std::vector<int> tasks) {
  std::sort(tasks.begin(), tasks.end());
  std::string text;
  for (std::size_t k = 0; k < tasks.size();) {
    std::size_t last = k;
    while (last + 1 < tasks.size() && tasks[last + 1] == tasks[last] + 1) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(tasks[k]);
    if (last > k) text += "-" + std::to_string(tasks[last]);
    k = last + 1;
  }
  return text;
}

std::string parse_sbatch(const std::string& text) {
  // "12", or "12;cluster".
  std::string id = text.substr(0, text.find_first_of(";\n"));
  if (!is_number(id)) throw IoError("sbatch: expected the number of a job, found \"" + text + "\"");
  return id;
}

bool QueuedJob::active() const { return std::find(kEnded.begin(), kEnded.end(), state) == kEnded.end(); }

bool QueuedJob::stuck() const {
  return state == "PENDING" &&
         (reason == "DependencyNeverSatisfied" || reason.find("requeued held") != reason.npos ||
          reason == "launch_failed_requeued_held" || reason == "JobHoldMaxRequeue");
}

std::vector<std::string> squeue_command() {
  return {"squeue",
          "--noheader",
          "--array",
          "--states=all",
          "--user=" + std::to_string(::geteuid()),
          "--format=%F|%K|%T|%r|%N|%j"};
}

std::vector<QueuedJob> parse_squeue(const std::string& text) {
  std::vector<QueuedJob> jobs;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> columns = columns_of(line);
    if (columns.size() < kColumns || !is_number(columns[0])) continue;
    const int task = is_number(columns[1]) ? std::stoi(columns[1]) : -1;
    jobs.push_back({columns[0], task, columns[2], columns[3], columns[4], columns[5]});
  }
  return jobs;
}

}  // namespace mhub::converters
