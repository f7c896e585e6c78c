// SPDX-License-Identifier: Apache-2.0
#include "html_report.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

#include "html_plots.hpp"
#include "html_style.hpp"
#include "html_text.hpp"
#include "mhub/base/disk_space.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"

namespace mhub::converters {
namespace {

constexpr std::string_view kHead = "<!doctype html>\n<!-- a report of mhub run -->\n";

std::string element(const std::string& tag, const std::string& css, const std::string& text) {
  return "<" + tag + " class=\"" + css + "\">" + html_text(text) + "</" + tag + ">";
}

std::string tile(const std::string& value, const std::string& what, const std::string& css = "") {
  return "<li" + (css.empty() ? "" : " class=\"" + css + "\"") + "><b>" + html_text(value) + "</b><span>" +
         html_text(what) + "</span></li>\n";
}

const char* status_words(EntryStatus status) {
  switch (status) {
    case EntryStatus::done: return "done";
    case EntryStatus::up_to_date: return "was done";
    case EntryStatus::failed: return "failed";
    case EntryStatus::interrupted: return "interrupted";
    case EntryStatus::not_run: break;
  }
  return "not run";
}

/// The conversion that this run did; nullptr for none.
const StepOutcome* conversion_of(const EntryOutcome& outcome) {
  const StepOutcome* step = outcome.find("convert");
  return step != nullptr && !step->done_before ? step : nullptr;
}

std::string tiles(const BatchOutcome& batch) {
  std::map<EntryStatus, std::size_t> counts;
  std::uint64_t bytes = 0;
  double seconds = 0;
  for (const EntryOutcome& one : batch.entries) {
    ++counts[one.status];
    if (const StepOutcome* step = conversion_of(one)) {
      bytes += step->bytes;
      seconds += step->seconds;
    }
  }
  std::string out = "<ul class=\"tiles\">\n" + tile(std::to_string(batch.entries.size()), "entries");
  for (const auto& [status, count] : counts)
    out += tile(std::to_string(count), status_words(status), status_name(status));
  out += tile(duration_text(batch.ended - batch.started), "in all");
  if (bytes > 0) {
    out += tile(human_bytes(bytes), "converted");
    out += tile(
        human_bytes(static_cast<std::uint64_t>(static_cast<double>(bytes) / std::max(1e-6, seconds))) + "/s",
        "a conversion, on average");
  }
  return out + "</ul>\n";
}

std::string verification(const EntryOutcome& outcome) {
  if (!outcome.report.is_object() || !outcome.good()) return "";
  return outcome.report.value("verified", false) ? "bit for bit" : "no";
}

/// "generate 0.3 s, upload (before)"
std::string steps_html(const EntryOutcome& outcome) {
  std::string out;
  for (const StepOutcome& step : outcome.steps) {
    if (step.step == "convert") continue;
    const std::string when = step.done_before ? " (before)" : " " + duration_text(step.seconds);
    out += (out.empty() ? "" : ", ") + element("span", "steady", step.step + when);
  }
  return out.empty() ? "<td></td>" : "<td data-label=\"steps\">" + out + "</td>";
}

/// The text that a model gave, the tokens of one without a tokenizer.
std::string answer_of(const nlohmann::json& result) {
  const std::string text = result.value("text", "");
  return text.empty() ? json_text(result.value("tokens", nlohmann::json::array())) : text;
}

std::string notes_of(const EntryOutcome& outcome) {
  std::string items;
  const auto add = [&](const nlohmann::json& list, const std::string& before) {
    for (const auto& one : list) items += "<li>" + html_text(before + one.get<std::string>()) + "</li>";
  };
  if (outcome.report.is_object()) {
    add(outcome.report.value("megatron_lm_flags", nlohmann::json::array()), "pass to Megatron-LM: ");
    add(outcome.report.value("notes", nlohmann::json::array()), "");
    add(outcome.report.value("limits", nlohmann::json::array()), "");
  }
  if (const StepOutcome* step = outcome.find("generate"); step != nullptr && step->result.is_object())
    items += "<li>answer: " + html_text(answer_of(step->result)) + "</li>";
  if (const StepOutcome* step = outcome.find("upload"); step != nullptr && step->result.is_object())
    items += "<li>" +
             html_text(step->result.value("repository", "") + "@" + step->result.value("revision", "") +
                       " is " + step->result.value("commit", "")) +
             "</li>";
  if (items.empty()) return {};
  return "<details><summary>more</summary><ul>" + items + "</ul></details>";
}

std::string cell(const std::string& label, const std::string& css, const std::string& text) {
  if (text.empty()) return "<td></td>";
  return "<td" + (css.empty() ? "" : " class=\"" + css + "\"") + " data-label=\"" + label + "\">" +
         html_text(text) + "</td>";
}

std::string table_row(const RecipeEntry& entry, const EntryOutcome& outcome, const std::string& folder,
                      bool attempts) {
  const std::string place =
      entry.request.source + (entry.converts() ? " \xe2\x86\x92 " + entry.request.output : "");
  std::string out = "<tr><td>" + element("div", "name", outcome.name) + element("div", "path", place);
  if (outcome.failure.code != 0)
    out += element("div", "error",
                   std::string(category_name(outcome.failure.code)) +
                       (outcome.failed_step.empty() ? "" : ", " + outcome.failed_step) + ": " +
                       outcome.failure.message);
  if (outcome.status == EntryStatus::not_run) out += element("div", "path", outcome.why);
  out += notes_of(outcome) + "</td><td><span class=\"badge " + status_name(outcome.status) + "\">" +
         status_words(outcome.status) + "</span></td>";
  const bool sized = outcome.report.is_object() && outcome.report.contains("bytes");
  const auto bytes = sized ? outcome.report["bytes"].get<std::uint64_t>() : std::uint64_t{0};
  const StepOutcome* conversion = conversion_of(outcome);
  const double seconds = conversion == nullptr ? 0 : std::max(1e-6, conversion->seconds);
  out += cell("size", "number", sized ? human_bytes(bytes) : "");
  out += cell("time", "number", conversion == nullptr ? "" : duration_text(seconds));
  out += cell("rate", "number",
              conversion == nullptr
                  ? ""
                  : human_bytes(static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds)) + "/s");
  out += cell("verified", "steady", verification(outcome)) + steps_html(outcome);
  if (attempts)
    out += cell("attempts", "number", outcome.attempts > 1 ? std::to_string(outcome.attempts) : "");
  out += outcome.log.empty() ? "<td></td>"
                             : "<td><a href=\"" + html_link(outcome.log, folder) + "\">log</a></td>";
  return out + "</tr>\n";
}

std::string table(const Recipe& recipe, const BatchOutcome& batch, const std::string& folder) {
  const bool attempts = std::any_of(batch.entries.begin(), batch.entries.end(),
                                    [](const EntryOutcome& one) { return one.attempts > 1; });
  std::string out =
      "<section><h2>Entries</h2>\n<table><thead><tr><th>name</th><th>status</th><th "
      "class=\"number\">size</th>"
      "<th class=\"number\">time</th><th class=\"number\">rate</th><th>verified</th><th>steps</th>" +
      std::string(attempts ? "<th class=\"number\">attempts</th>" : "") + "<th></th></tr></thead><tbody>\n";
  // What needs somebody's attention comes first.
  for (const bool good : {false, true}) {
    for (std::size_t k = 0; k < batch.entries.size(); ++k) {
      if (batch.entries[k].good() == good)
        out += table_row(recipe.entries[batch.numbers[k]], batch.entries[k], folder, attempts);
    }
  }
  return out + "</tbody></table></section>\n";
}

}  // namespace

std::string html_report(const Recipe& recipe, const BatchOutcome& batch,
                        const std::vector<ThroughputSample>& samples, const std::string& file, bool running) {
  const std::string folder = fs::absolute(file).parent_path().string();
  const std::string name = recipe.name.empty() ? "mhub run" : recipe.name;
  std::string out(kHead);
  out += "<html lang=\"en\"><head><meta charset=\"utf-8\">";
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">";
  if (running) out += "<meta http-equiv=\"refresh\" content=\"10\">";
  out += "<title>" + html_text(name) + "</title><style>" + kReportStyle + "</style></head>\n<body><main>\n";
  out += "<h1>" + html_text(name) + "</h1>\n";
  if (!recipe.description.empty()) out += "<p>" + html_text(recipe.description) + "</p>\n";
  out += "<p>" + time_text(batch.started) + (running ? ", still running" : " to " + time_text(batch.ended)) +
         "</p>\n" + tiles(batch);
  out += timeline_plot(batch) + throughput_plot(batch, samples);
  out += batch.entries.empty() ? "<p>Nothing has ended yet.</p>\n" : table(recipe, batch, folder);
  return out + "<footer>mhub " MHUB_VERSION "</footer>\n</main></body></html>\n";
}

void require_report_place(const std::string& file) {
  if (fs::is_directory(file)) throw UsageError(file + " is a folder; --report wants the name of a file");
  if (fs::exists(file) && !fs::is_regular_file(file))
    throw UsageError(file + " is no file; --report wants the name of one");
  if (fs::exists(file) && fs::file_size(file) > 0 && !begins_with(file, kHead))
    throw UsageError(file + " is there and is no report of mhub's; choose another name for the report");
}

}  // namespace mhub::converters
