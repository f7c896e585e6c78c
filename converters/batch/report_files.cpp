// SPDX-License-Identifier: Apache-2.0
#include "report_files.hpp"

#include <filesystem>
#include <sys/resource.h>

#include "converters/options.hpp"
#include "html_report.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"

namespace mhub::converters {
namespace {

/// Seconds between two pages of a run that goes on.
constexpr double kPageInterval = 2;

/// Throws UsageError for a file that is there and is no report of a run; `key` is in every one.
void require_report(const std::string& path, const char* key) {
  constexpr std::uint64_t kLargestReport = 256 << 20;
  if (!fs::exists(path)) return;
  bool ours = false;
  try {
    ours = fs::is_regular_file(path) && parse_json_file(path, kLargestReport).contains(key);
  } catch (const InputError&) {
    // No JSON.
  }
  if (!ours)
    throw UsageError(path +
                     " is there and is no report of mhub's; choose another folder for --report-folder");
}

std::uint64_t peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace

nlohmann::json batch_json(const Recipe& recipe, const BatchOutcome& batch) {
  nlohmann::json conversions = nlohmann::json::array();
  for (std::size_t k = 0; k < batch.entries.size(); ++k)
    conversions.push_back(to_json(recipe.entries[batch.numbers[k]], batch.entries[k]));
  return {{"recipe", recipe.name},
          {"conversions", std::move(conversions)},
          {"exit_code", batch.code},
          {"started", time_text(batch.started)},
          {"ended", time_text(batch.ended)},
          {"seconds", batch.ended - batch.started},
          {"peak_memory_bytes", peak_memory()}};
}

ReportFiles::ReportFiles(const Recipe& recipe, const Dashboard& dashboard, std::string folder,
                         std::string page)
    : recipe_(recipe), dashboard_(dashboard), folder_(std::move(folder)), page_(std::move(page)) {
  so_far_.started = now_seconds();
  if (!folder_.empty()) {
    std::error_code error;
    fs::create_directories(folder_ + "/entries", error);
    if (error) throw IoError("cannot create folder", folder_ + "/entries", error.value());
    require_report(folder_ + "/summary.json", "conversions");
    for (const RecipeEntry& entry : recipe.entries)
      require_report(folder_ + "/entries/" + entry.name + ".json", "status");
  }
  if (page_.empty()) return;
  require_report_place(page_);
  write_page(so_far_, true);
}

void ReportFiles::end(std::size_t entry, const EntryOutcome& outcome) {
  so_far_.numbers.push_back(entry);
  so_far_.entries.push_back(outcome);
  try {
    write_entry(entry, outcome);
    if (!page_.empty() && now_seconds() - written_ >= kPageInterval) write_page(so_far_, true);
  } catch (const Error&) {
    // A report is not worth the work of the others.
  }
}

void ReportFiles::write_entry(std::size_t entry, const EntryOutcome& outcome) {
  if (folder_.empty()) return;
  put_file(folder_ + "/entries/" + outcome.name + ".json",
           json_text(to_json(recipe_.entries[entry], outcome), 1) + "\n");
}

void ReportFiles::finish(const BatchOutcome& batch) {
  for (std::size_t k = 0; k < batch.entries.size(); ++k) write_entry(batch.numbers[k], batch.entries[k]);
  if (!folder_.empty()) {
    nlohmann::json summary = batch_json(recipe_, batch);
    summary["schema_version"] = kSchemaVersion;
    put_file(folder_ + "/summary.json", json_text(summary, 1) + "\n");
  }
  if (!page_.empty()) write_page(batch, false);
}

void ReportFiles::write_page(const BatchOutcome& batch, bool running) {
  BatchOutcome shown = batch;
  if (running) shown.ended = now_seconds();
  put_file(page_, html_report(recipe_, shown, dashboard_.samples(), page_, running));
  written_ = now_seconds();
}

}  // namespace mhub::converters
