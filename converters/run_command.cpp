// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>
#include <set>

#include "batch/dashboard.hpp"
#include "batch/dry_run.hpp"
#include "batch/entry_parts.hpp"
#include "batch/executors.hpp"
#include "batch/report_files.hpp"
#include "batch/schedule.hpp"
#include "batch/slurm_record.hpp"
#include "long_work.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/processors.hpp"
#include "options.hpp"
#include "recipe/recipe.hpp"
#include "recipe/schema.hpp"
#include "terminal.hpp"

namespace mhub::converters {
namespace {

using Texts = std::vector<std::string>;

void declare_run(CommandLine& line) {
  line.add()("set", po::value<Texts>()->composing(),
             "KEY=VALUE, NAME.KEY=VALUE, conversions.N.KEY=VALUE or variables.NAME=VALUE; repeatable")(
      "only", po::value<Texts>()->composing(), "only the entry of that name; repeatable")(
      "keep-going", "after a failure, go on with entries that do not need what failed")(
      "jobs-at-once", po::value<std::string>(),
      "entries that run at a time (default: one for every four processors, four at most)")(
      "retries", po::value<std::string>()->default_value("2"),
      "more attempts at an entry where the network or a disk failed")(
      "retry-delay", po::value<double>()->default_value(2),
      "seconds before the first of them; each next one waits four times as long")(
      "report", po::value<std::string>(), "an HTML page about the run, there from its beginning")(
      "report-folder", po::value<std::string>(),
      "a folder that gets entries/NAME.json of each as it ends, and summary.json")(
      "part", po::value<std::string>(),
      "K/N, with --only: carry out part K of N of that entry's conversion; mpi: that of this rank")(
      "finish-parts", po::value<std::string>(), "N: the parts of conversions have been carried out")(
      "dry-run", "plan every entry and write nothing")("json", "print JSON")(
      "schema", "print the JSON Schema of recipes, for editors");
  declare_executors(line);
}

Overrides overrides_of(const CommandLine& line) {
  Overrides overrides;
  for (const std::string& pair : line.find<Texts>("set").value_or(Texts{})) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos) throw UsageError("--set " + pair + ": expected key=value");
    overrides.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return overrides;
}

int count_of(const std::string& option, const std::string& text) {
  try {
    return parse_jobs(text);
  } catch (const UsageError& error) {
    throw UsageError("--" + option + ": " + error.what());
  }
}

/// How entries share the processors.
struct Shares {
  std::size_t at_once;
  int threads;  ///< of each
};

Shares shares_of(const CommandLine& line, std::size_t entries) {
  const int processors = usable_processors();
  int at_once = std::clamp(processors / 4, 1, 4);
  if (const auto given = line.find<std::string>("jobs-at-once")) {
    at_once = count_of("jobs-at-once", *given);
    if (at_once < 1) throw UsageError("--jobs-at-once: expected 1 .. 1024, found " + *given);
  }
  at_once = std::clamp(at_once, 1, static_cast<int>(std::max<std::size_t>(1, entries)));
  return {static_cast<std::size_t>(at_once), std::max(1, processors / at_once)};
}

std::set<std::size_t> chosen_entries(const CommandLine& line, const Recipe& recipe) {
  std::set<std::size_t> chosen;
  for (const std::string& name : line.find<Texts>("only").value_or(Texts{})) {
    const auto found = std::find_if(recipe.entries.begin(), recipe.entries.end(),
                                    [&](const RecipeEntry& entry) { return entry.name == name; });
    if (found == recipe.entries.end()) throw UsageError("--only " + name + ": the recipe has no such entry");
    chosen.insert(static_cast<std::size_t>(found - recipe.entries.begin()));
  }
  return chosen;
}

JobContext job_context(const CommandLine& line, int threads) {
  JobContext context;
  context.threads = threads;
  context.folder = line.find<std::string>("report-folder").value_or("");
  context.retries = count_of("retries", line.get<std::string>("retries"));
  context.retry_delay = line.get<double>("retry-delay");
  if (!(context.retry_delay >= 0 && context.retry_delay <= 3600))
    throw UsageError("--retry-delay: expected 0 .. 3600 seconds");
  return context;
}

void print(const Recipe& recipe, const BatchOutcome& batch) {
  std::size_t good = 0, before = 0;
  for (const EntryOutcome& outcome : batch.entries) {
    good += outcome.good() ? 1 : 0;
    before += outcome.status == EntryStatus::up_to_date ? 1 : 0;
    const StepOutcome* conversion = outcome.find("convert");
    if (outcome.good() && conversion != nullptr && !conversion->done_before) {
      print_report(outcome.report);
    } else {
      std::cout << outcome.name << ": " << summary_line(outcome) << '\n';
    }
  }
  if (recipe.entries.empty()) std::cout << "nothing to do: the recipe has no conversion yet\n";
  if (batch.entries.size() > 1)
    std::cout << good << " of " << batch.entries.size() << " are done, " << before
              << " of them were before\n";
}

/// How processes elsewhere are told of this recipe and its entries.
Texts command_of(const CommandLine& line) {
  Texts words{own_program(), "run", line.get<std::string>("RECIPE")};
  for (const std::string& pair : line.find<Texts>("set").value_or(Texts{})) words.push_back("--set=" + pair);
  words.push_back("--retries=" + line.get<std::string>("retries"));
  words.push_back("--retry-delay=" + std::to_string(line.get<double>("retry-delay")));
  return words;
}

ExecutorSettings settings_of(const CommandLine& line, const Shares& shares, std::size_t entries) {
  ExecutorSettings settings = executor_settings(line);
  settings.command = command_of(line);
  settings.at_once = shares.at_once;
  // Who has a queue does not wait here.
  if (settings.name == "slurm" && !line.has("jobs-at-once")) settings.at_once = entries;
  return settings;
}

/// --part: a part of one entry, for executors that start this process elsewhere.
int carry_out_part(const CommandLine& line, const Recipe& recipe) {
  const std::set<std::size_t> only = chosen_entries(line, recipe);
  if (only.size() != 1) throw UsageError("--part is of one entry: name it with --only");
  const RecipeEntry& entry = recipe.entries[*only.begin()];
  const bool ranks = line.get<std::string>("part") == "mpi";
  Share share;
  if (ranks) {
    const Rank rank = own_rank();
    share = {rank.rank + 1, rank.size};
  } else {
    share = parse_part(line.get<std::string>("part"));
  }
  JobContext context = job_context(line, usable_processors());
  SourceIdentities identities;
  context.identities = &identities;
  context.say = [&](const std::string& sentence) { print_note(entry.name + " " + sentence); };
  ProgressBar bar(line.has("json") || share.part > 1);
  context.callbacks = bar.callbacks();
  try {
    const nlohmann::json report = run_entry_part(entry, context, share, ranks);
    if (!context.folder.empty()) report_part(context.folder, share.part, {});
    line.print_json(report);
    return 0;
  } catch (const std::exception&) {
    if (!context.folder.empty())
      report_part(context.folder, share.part, failure_of(std::current_exception()));
    throw;
  }
}

int cancel_jobs(const CommandLine& line, const Recipe& recipe) {
  executor_settings(line);
  const std::size_t count = cancel_slurm_jobs(recipe, chosen_entries(line, recipe));
  if (!line.print_json({{"cancelled_jobs", count}})) std::cout << count << " jobs are cancelled\n";
  return 0;
}

int carry_out_recipe(const CommandLine& line, const Recipe& recipe) {
  const std::set<std::size_t> only = chosen_entries(line, recipe);
  const std::size_t count = only.empty() ? recipe.entries.size() : only.size();
  const Shares shares = shares_of(line, count);
  JobContext common = job_context(line, shares.threads);
  if (const auto parts = line.find<std::string>("finish-parts"))
    common.parts = parse_parts("--finish-parts", *parts);
  const ExecutorSettings settings = settings_of(line, shares, std::max<std::size_t>(1, count));
  Budget budget;
  SourceIdentities identities;
  BatchOutcome batch;
  {
    Dashboard dashboard(recipe, count, line.has("json"));
    const auto context = [&](std::size_t entry) {
      JobContext one = common;
      one.budget = &budget;
      one.identities = &identities;
      one.say = [&dashboard, entry](const std::string& sentence) { dashboard.say(entry, sentence); };
      one.callbacks = {[&dashboard, entry](const Progress& progress) { dashboard.progress(entry, progress); },
                       interrupted};
      return one;
    };
    const std::unique_ptr<Executor> executor = make_executor(recipe, settings, context);
    ScheduleOptions options{line.has("keep-going"), only, interrupted};
    options.on_start = [&](std::size_t entry) { dashboard.begin(entry); };
    ReportFiles reports(recipe, dashboard, common.folder, line.find<std::string>("report").value_or(""));
    options.on_end = [&](std::size_t entry, const EntryOutcome& outcome) {
      dashboard.end(entry, outcome);
      reports.end(entry, outcome);
    };
    batch = run_schedule(recipe, *executor, options);
    reports.finish(batch);
  }
  if (!line.print_json(batch_json(recipe, batch))) {
    print(recipe, batch);
  } else {
    for (const EntryOutcome& outcome : batch.entries) {
      if (outcome.failure.code != 0)
        std::cerr << "mhub: " << printable_text(outcome.name + ": " + outcome.failure.message) << '\n';
    }
  }
  return batch.code;
}

}  // namespace

int run_command(const Arguments& arguments) {
  CommandLine line(
      "mhub run RECIPE.yaml [--set KEY=VALUE]... [--only NAME]... [--keep-going] [--jobs-at-once N] "
      "[--dry-run] "
      "[--report FILE.html] [--json]\nmhub run --schema",
      {}, {"RECIPE"});
  declare_run(line);
  if (!line.parse(arguments)) return 0;
  if (line.has("schema")) {
    show(Shown::exact);
    std::cout << json_text(recipe_schema(), 1) << '\n';
    return 0;
  }
  if (!line.has("RECIPE")) throw UsageError("missing RECIPE; usage: mhub run RECIPE.yaml");
  const Recipe recipe = read_recipe(line.get<std::string>("RECIPE"), overrides_of(line));
  for (const std::string& note : recipe.notes) print_note(note);
  if (line.has("cancel")) return cancel_jobs(line, recipe);
  if (line.has("part")) return carry_out_part(line, recipe);
  if (!line.has("dry-run")) return carry_out_recipe(line, recipe);
  for (const std::string option : {"report", "report-folder", "keep-going"}) {
    if (line.has(option)) throw UsageError("--" + option + " is about a run, and --dry-run is none");
  }
  executor_settings(line);
  const std::set<std::size_t> only = chosen_entries(line, recipe);
  const Shares shares = shares_of(line, only.empty() ? recipe.entries.size() : only.size());
  ProgressBar bar(line.has("json"));
  const nlohmann::json plan = dry_run(recipe, only, {shares.at_once, shares.threads, bar.callbacks()});
  if (!line.print_json(plan)) print_dry_run(plan);
  return 0;
}

}  // namespace mhub::converters
