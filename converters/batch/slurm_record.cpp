// SPDX-License-Identifier: Apache-2.0
#include "slurm_record.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sys/file.h>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "run_state.hpp"

namespace mhub::converters {
namespace {

constexpr std::uint64_t kLargestRecord = 64 << 20;

std::string record_file(const RecipeEntry& entry) { return jobs_folder(entry) + "/jobs.json"; }

/// A file that others leave: whole, or as if it was not there.
std::optional<nlohmann::json> read_left(const std::string& path) {
  if (!fs::exists(path)) return std::nullopt;
  try {
    return parse_json_file(path, kLargestRecord);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string part_file(const std::string& folder, int part) {
  return folder + "/parts/" + std::to_string(part) + ".json";
}

}  // namespace

std::string jobs_folder(const RecipeEntry& entry) {
  return entry.keeps() ? state_folder(entry) : fs::absolute(".mhub-run/" + entry.name).string();
}

Descriptor lock_jobs(const RecipeEntry& entry) {
  const std::string folder = jobs_folder(entry), path = folder + "/jobs.lock";
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw IoError("cannot create folder", folder, error.value());
  Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (lock.get() < 0) throw IoError("cannot open", path, errno);
  // Where the file system has no locks, two of them both submit; one job then finds the work done.
  while (::flock(lock.get(), LOCK_EX) != 0 && errno == EINTR) {
  }
  return lock;
}

std::string jobs_settings(const RecipeEntry& entry) {
  std::string text = settings_text(entry);
  for (const auto& [step, settings] : entry.step_settings) text += step + ":\n" + settings;
  return text;
}

const SubmittedJob* SlurmRecord::last() const {
  const auto found =
      std::find_if(jobs.rbegin(), jobs.rend(), [](const SubmittedJob& job) { return job.tasks.empty(); });
  return found == jobs.rend() ? nullptr : &*found;
}

SlurmRecord SlurmRecord::load(const RecipeEntry& entry) {
  const std::optional<nlohmann::json> json = read_left(record_file(entry));
  SlurmRecord record;
  if (!json) return record;
  try {
    record.settings = json->at("settings");
    record.parts = json->at("parts");
    record.resubmitted = json->at("resubmitted");
    for (const nlohmann::json& job : json->at("jobs"))
      record.jobs.push_back({job.at("id"), job.at("name"), job.at("folder"), job.at("tasks")});
    return record;
  } catch (const nlohmann::json::exception&) {
    return {};
  }
}

void SlurmRecord::save(const RecipeEntry& entry) const {
  nlohmann::json list = nlohmann::json::array();
  for (const SubmittedJob& job : jobs)
    list.push_back({{"id", job.id}, {"name", job.name}, {"folder", job.folder}, {"tasks", job.tasks}});
  const nlohmann::json json{
      {"settings", settings}, {"parts", parts}, {"resubmitted", resubmitted}, {"jobs", std::move(list)}};
  put_file(record_file(entry), json_text(json, 1) + "\n");
}

void SlurmRecord::remove(const RecipeEntry& entry) { fs::remove(record_file(entry)); }

std::optional<EntryOutcome> reported_outcome(const RecipeEntry& entry, const SubmittedJob& job) {
  const auto json = read_left(job.folder + "/entries/" + entry.name + ".json");
  return json ? outcome_of_json(*json) : std::nullopt;
}

void report_part(const std::string& folder, int part, const Failure& failure) {
  const std::string path = part_file(folder, part);
  fs::create_directories(fs::path(path).parent_path());
  put_file(path, json_text({{"exit_code", failure.code}, {"message", failure.message}}) + "\n");
}

std::optional<Failure> reported_part(const SubmittedJob& job, int part) {
  const auto json = read_left(part_file(job.folder, part));
  if (!json || !json->is_object()) return std::nullopt;
  return Failure{json->value("exit_code", 4), json->value("message", "")};
}

}  // namespace mhub::converters
