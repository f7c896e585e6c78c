// SPDX-License-Identifier: Apache-2.0
#include "job.hpp"

#include <chrono>
#include <cmath>
#include <fstream>
#include <thread>

#include "entry_parts.hpp"
#include "mhub/base/disk_space.hpp"
#include "mhub/base/json.hpp"
#include "mhub/convert/conversion_key.hpp"
#include "mhub/convert/share.hpp"
#include "mhub/convert/verify.hpp"
#include "mhub/formats/format.hpp"
#include "mhub/hub/hub.hpp"
#include "run_state.hpp"
#include "steps_work.hpp"

namespace mhub::converters {
namespace {

constexpr double kGrowth = 4;

/// What a demand takes of the budget while it is needed.
class BudgetShare {
 public:
  BudgetShare(Budget& budget, Demand demand, const std::function<void(const std::string&)>& on_wait,
              const std::function<bool()>& cancelled)
      : budget_(budget), demand_(std::move(demand)) {
    budget_.take(demand_, on_wait, cancelled);
  }
  ~BudgetShare() { budget_.release(demand_); }
  BudgetShare(const BudgetShare&) = delete;
  BudgetShare& operator=(const BudgetShare&) = delete;

 private:
  Budget& budget_;
  Demand demand_;
};

class Job {
 public:
  Job(const RecipeEntry& entry, const JobContext& context) : entry_(entry), context_(context) {
    outcome_.name = entry.name;
    outcome_.started = now_seconds();
  }

  EntryOutcome run() {
    for (int attempt = 0;; ++attempt) {
      outcome_.attempts = attempt + 1;
      try {
        try_once();
        break;
      } catch (const std::exception& error) {
        outcome_.failure = failure_of(std::current_exception());
        log("failed (" + std::string(category_name(outcome_.failure.code)) +
            "): " + outcome_.failure.message);
        if (attempt >= context_.retries || !worth_another(error) || !wait_before(attempt)) break;
        outcome_.failure = {};
      }
    }
    finish();
    return std::move(outcome_);
  }

 private:
  using Work = Standing::Work;

  void try_once() {
    const OutputLock lock(
        entry_, [&](const std::string& who) { say("waits for " + who + ", which works on the same output"); },
        context_.callbacks.cancelled);
    state_ = RunState::load(entry_);
    const std::string source = context_.identities->of(entry_);
    const Standing standing = standing_of(entry_, state_, source);
    if (outcome_.why.empty())
      outcome_.why = (entry_.converts() ? entry_.request.output + " " : "") + standing.why;
    log(standing.why);
    if (entry_.steps.download && (standing.work == Work::convert || !entry_.converts()))
      step("download", [&] { return do_download(entry_, step_context("downloading")); });
    if (standing.work == Work::convert) {
      step("convert", [&] { return convert_now(standing, source); });
    } else if (standing.work == Work::verify) {
      step("verify", [&] { return verify_now(source); });
    } else if (entry_.converts()) {
      keep("convert", state_.report);
    }
    if (entry_.steps.generate)
      recorded("generate", [&] { return do_generate(entry_, step_context("generating")); });
    if (entry_.steps.logits) recorded("logits", [&] { return do_logits(entry_, step_context("logits")); });
    if (entry_.steps.upload) recorded("upload", [&] { return upload_now(); });
    outcome_.report = state_.report;
  }

  int threads() const { return entry_.request.run.jobs > 0 ? entry_.request.run.jobs : context_.threads; }

  StepContext step_context(std::string_view stage) const {
    if (context_.callbacks.on_progress) context_.callbacks.on_progress({stage, 0, 0});
    throw_if(context_.callbacks.cancelled);
    return {threads(), context_.callbacks};
  }

  /// Does a step and notes what came of it.
  template <typename Function>
  void step(const std::string& name, const Function& function) {
    outcome_.failed_step = name;
    log(name);
    StepOutcome done{name, false, now_seconds()};
    done.result = function();
    done.seconds = now_seconds() - done.started;
    done.bytes = done.result.value("bytes", done.result.value("uploaded_bytes", std::uint64_t{0}));
    std::erase_if(outcome_.steps, [&](const StepOutcome& one) { return one.step == name; });
    outcome_.steps.push_back(std::move(done));
    outcome_.failed_step.clear();
  }
  /// A step that needs no doing; one of an attempt before this one has been done by this run.
  void keep(const std::string& name, const nlohmann::json& result) {
    if (outcome_.find(name) != nullptr) return;
    StepOutcome done{name, true, outcome_.started};
    if (result.is_object()) done.bytes = result.value("bytes", std::uint64_t{0});
    done.result = result;
    outcome_.steps.push_back(std::move(done));
  }
  /// A step of which the state says whether it was done with this output.
  template <typename Function>
  void recorded(const std::string& name, const Function& function) {
    if (step_is_done(entry_, state_, name)) return keep(name, state_.steps[name]["result"]);
    // Weights that are read in place change with their file: a lock keeps mhub away, the identity shows
    // others.
    step(name, function);
    nlohmann::json& note = state_.steps[name];
    if (!note.is_object()) note = nlohmann::json::object();
    note.update({{"settings", entry_.step_settings.at(name)},
                 {"output", state_.output},
                 {"result", outcome_.find(name)->result}});
    state_.save(entry_);
  }

  nlohmann::json upload_now() {
    std::set<std::string> own = note_upload(entry_, state_);
    return do_upload(entry_, step_context("uploading"), std::move(own));
  }

  BudgetShare share_for(const Conversion& conversion) const {
    return {*context_.budget, demand_of(entry_, conversion.bytes(), threads()),
            [&](const std::string& what) { say("waits for " + what); }, context_.callbacks.cancelled};
  }

  nlohmann::json convert_now(const Standing& standing, const std::string& source) {
    const int parts = context_.parts > 0 ? parts_of(entry_, context_.parts) : 1;
    const Conversion conversion =
        plan_entry(entry_, context_.callbacks, parts > 1 ? SourceUse::model : SourceUse::arriving);
    const BudgetShare share = share_for(conversion);
    RunOptions run = entry_.request.run;
    run.jobs = threads();
    run.resume = standing.resume;
    run.overwrite = standing.overwrite;
    run.callbacks = context_.callbacks;
    if (parts > 1) {
      begin_parts(entry_, state_, standing, source);
      do_parts(conversion, run, parts);
      run.share = Share{0, parts};
      run.resume = false;
    } else {
      state_.begin(entry_, source);
    }
    nlohmann::json report = converted(conversion, run);
    state_.report = report;
    state_.report["finished"] = time_text(now_seconds());
    note_output(source, run.verify);
    return report;
  }

  /// What a run left of something else is its own, and goes; who said resume is told.
  nlohmann::json converted(const Conversion& conversion, RunOptions& run) const {
    try {
      return convert(conversion, entry_.request.output, run);
    } catch (const OtherConversion& error) {
      if (!run.resume || entry_.request.run.resume) throw;
      say(std::string("begins anew: ") + error.what());
    }
    run.resume = false;
    return convert(conversion, entry_.request.output, run);
  }

  /// All parts of a shared conversion; whoever did them, this process does what is missing.
  void do_parts(const Conversion& conversion, const RunOptions& run, int parts) {
    if (context_.carry_out_parts) context_.carry_out_parts(entry_, parts, context_);
    for (const int part : missing_parts(conversion, entry_.request.output, parts)) {
      log("part " + std::to_string(part) + " of " + std::to_string(parts));
      RunOptions one = run;
      one.verify = one.resume = false;
      one.share = Share{part, parts};
      convert(conversion, entry_.request.output, one);
    }
  }

  /// Puts down what lies at the output now.
  void note_output(const std::string& source, bool verified) {
    state_.converting = false;
    state_.settings = settings_text(entry_);
    // A model of the Hub may be known only when it is here.
    state_.source = source.empty() ? context_.identities->of(entry_) : source;
    state_.output = identity_of(entry_.request.output);
    state_.verified = verified;
    state_.save(entry_);
  }

  /// An output that is there and of which the state does not say that it is right.
  nlohmann::json verify_now(const std::string& source) {
    const Conversion conversion = plan_entry(entry_, context_.callbacks, SourceUse::arriving);
    const BudgetShare share = share_for(conversion);
    OpenOptions open;
    open.callbacks = context_.callbacks;
    const Checkpoint written = open_checkpoint(entry_.request.output, open);
    const bool same = written.manifest.is_object() &&
                      written.manifest.value("target", nlohmann::json()) == conversion.output().describe();
    if (!same)
      throw UsageError(entry_.request.output + " is there and is not what the recipe asks for; move it away" +
                       (entry_.request.run.overwrite ? "" : ", or say overwrite: true"));
    const VerifyReport report =
        verify(conversion.source(), written, {threads(), conversion.casts(), context_.callbacks});
    if (!report.equal())
      throw MismatchError(entry_.request.output + " differs from its source " + entry_.request.source +
                          "; move it away and run the recipe again");
    if (!state_.report.is_object()) {  // its own was lost
      state_.report = describe_result(conversion, entry_.request.output);
      state_.report.update({{"seconds", 0.0}, {"resumed", false}});
    }
    state_.report["verified"] = true;
    note_output(source, true);
    return {{"tensors", report.tensors}, {"bytes", report.bytes}};
  }
  bool worth_another(const std::exception& error) const {
    const auto* known = dynamic_cast<const Error*>(&error);
    const bool system = dynamic_cast<const std::system_error*>(&error) != nullptr;
    if (known == nullptr) return system;
    if (known->category() != ErrorCategory::io || dynamic_cast<const HubRefusal*>(&error) != nullptr)
      return false;
    // What is not here and may not be asked for will not be here later, and nothing goes there either.
    if (outcome_.failed_step == "upload" && HubSettings::from_environment().offline) return false;
    return fs::exists(entry_.request.source) || !HubSettings::from_environment().offline;
  }
  bool wait_before(int attempt) const {
    const double seconds = context_.retry_delay * std::pow(kGrowth, attempt);
    say("tries again in " + std::to_string(static_cast<int>(std::ceil(seconds))) +
        " s: " + outcome_.failure.message);
    for (const double until = now_seconds() + seconds; now_seconds() < until;) {
      if (context_.callbacks.cancelled && context_.callbacks.cancelled()) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return true;
  }

  void finish() {
    outcome_.ended = now_seconds();
    const bool failed = outcome_.failure.code != 0;
    const bool before = std::all_of(outcome_.steps.begin(), outcome_.steps.end(),
                                    [](const StepOutcome& step) { return step.done_before; });
    outcome_.status = !failed ? before ? EntryStatus::up_to_date : EntryStatus::done
                      : outcome_.failure.code == exit_code(ErrorCategory::interrupted)
                          ? EntryStatus::interrupted
                          : EntryStatus::failed;
    log(summary_line(outcome_));
    if (!log_file().empty() && fs::exists(log_file())) outcome_.log = log_file();
    if (!entry_.keeps() || !fs::exists(state_folder(entry_))) return;
    try {
      replace_file(state_folder(entry_) + "/report.json", json_text(to_json(entry_, outcome_), 1) + "\n");
    } catch (const Error& error) {
      say(std::string("its report could not be written: ") + error.what());
    }
  }

  void say(const std::string& sentence) const {
    log(sentence);
    if (context_.say) context_.say(sentence);
  }
  /// Beside the output, once there is a folder; empty for none.
  std::string log_file() const {
    if (entry_.keeps()) return fs::exists(state_folder(entry_)) ? state_folder(entry_) + "/log.txt" : "";
    return context_.folder.empty() ? "" : context_.folder + "/entries/" + entry_.name + ".log.txt";
  }
  void log(const std::string& line) const {
    if (log_file().empty()) return;
    std::ofstream file(log_file(), std::ios::app);
    file << time_text(now_seconds()) << ' ' << line << '\n';
  }

  const RecipeEntry& entry_;
  const JobContext& context_;
  EntryOutcome outcome_;
  RunState state_;
};

}  // namespace

EntryOutcome run_entry(const RecipeEntry& entry, const JobContext& context) {
  const double started = now_seconds();
  try {
    return Job(entry, context).run();
  } catch (const std::exception&) {
    // Its log and report could not be looked at, perhaps.
    EntryOutcome outcome;
    outcome.name = entry.name;
    outcome.status = EntryStatus::failed;
    outcome.failure = failure_of(std::current_exception());
    outcome.started = started;
    outcome.ended = now_seconds();
    return outcome;
  }
}

}  // namespace mhub::converters
