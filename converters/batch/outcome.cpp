// SPDX-License-Identifier: Apache-2.0
#include "outcome.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "mhub/base/disk_space.hpp"

namespace mhub::converters {
namespace {

nlohmann::json step_json(const StepOutcome& step) {
  nlohmann::json json{{"step", step.step},
                      {"done_before", step.done_before},
                      {"started", time_text(step.started)},
                      {"seconds", step.seconds},
                      {"bytes", step.bytes}};
  // That of a conversion is the entry's.
  if (!step.result.is_null() && step.step != "convert") json["result"] = step.result;
  return json;
}

EntryStatus status_of(const std::string& name) {
  for (const EntryStatus status :
       {EntryStatus::done, EntryStatus::up_to_date, EntryStatus::failed, EntryStatus::interrupted}) {
    if (name == status_name(status)) return status;
  }
  return EntryStatus::not_run;
}

/// What time_text made; 0 for nothing.
double time_of(const std::string& text) {
  std::tm parts{};
  if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts) == nullptr) return 0;
  return static_cast<double>(::timegm(&parts));
}

std::string past(const std::string& step) {
  if (step == "download") return "downloaded";
  if (step == "verify") return "verified";
  if (step == "generate") return "generated";
  if (step == "logits") return "logits agree";
  return "uploaded";
}

std::string seconds_text(double seconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), seconds < 100 ? "%.2f s" : "%.0f s", seconds);
  return text.data();
}

}  // namespace

const char* status_name(EntryStatus status) {
  switch (status) {
    case EntryStatus::done: return "done";
    case EntryStatus::up_to_date: return "up_to_date";
    case EntryStatus::failed: return "failed";
    case EntryStatus::interrupted: return "interrupted";
    case EntryStatus::not_run: break;
  }
  return "not_run";
}

const StepOutcome* EntryOutcome::find(std::string_view step) const {
  const auto found =
      std::find_if(steps.begin(), steps.end(), [&](const StepOutcome& one) { return one.step == step; });
  return found == steps.end() ? nullptr : &*found;
}

nlohmann::json to_json(const RecipeEntry& entry, const EntryOutcome& outcome) {
  nlohmann::json json = outcome.report.is_object() ? outcome.report : nlohmann::json::object();
  json["name"] = outcome.name;
  json["status"] = status_name(outcome.status);
  json["source"] = entry.request.source;
  if (entry.converts()) json["output"] = entry.request.output;
  json["why"] = outcome.why;
  json["attempts"] = outcome.attempts;
  if (outcome.started > 0) {
    json["started"] = time_text(outcome.started);
    json["ended"] = time_text(outcome.ended);
  }
  json["steps"] = nlohmann::json::array();
  for (const StepOutcome& step : outcome.steps) json["steps"].push_back(step_json(step));
  if (!outcome.log.empty()) json["log"] = outcome.log;
  if (outcome.failure.code != 0)
    json["error"] = {{"category", category_name(outcome.failure.code)},
                     {"exit_code", outcome.failure.code},
                     {"message", outcome.failure.message}};
  return json;
}

std::optional<EntryOutcome> outcome_of_json(const nlohmann::json& json) {
  try {
    EntryOutcome outcome;
    outcome.name = json.at("name");
    outcome.status = status_of(json.at("status"));
    outcome.why = json.at("why");
    outcome.attempts = json.at("attempts");
    outcome.started = time_of(json.value("started", ""));
    outcome.ended = time_of(json.value("ended", ""));
    outcome.log = json.value("log", "");
    if (const auto error = json.find("error"); error != json.end())
      outcome.failure = {error->at("exit_code"), error->at("message")};
    // What a conversion reports stands among the entry's own; one without has no model.
    if (json.contains("model")) {
      outcome.report = json;
      for (const char* own :
           {"name", "status", "source", "why", "attempts", "started", "ended", "steps", "log", "error"})
        outcome.report.erase(own);
    }
    for (const nlohmann::json& one : json.at("steps")) {
      StepOutcome step{one.at("step"), one.at("done_before"), time_of(one.at("started"))};
      step.seconds = one.at("seconds");
      step.bytes = one.at("bytes");
      step.result = step.step == "convert" ? outcome.report : one.value("result", nlohmann::json());
      outcome.steps.push_back(std::move(step));
    }
    return outcome;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::string summary_line(const EntryOutcome& outcome) {
  switch (outcome.status) {
    case EntryStatus::failed:
      return "failed" + (outcome.failed_step.empty() ? "" : " (" + outcome.failed_step + ")") + ": " +
             outcome.failure.message;
    case EntryStatus::interrupted: return "interrupted; the same command goes on";
    case EntryStatus::not_run: return "not run: " + outcome.why;
    case EntryStatus::up_to_date: return "nothing to do, " + outcome.why;
    case EntryStatus::done: break;
  }
  std::string text;
  for (const StepOutcome& step : outcome.steps) {
    if (step.done_before) continue;
    std::string part = past(step.step);
    if (step.step == "convert") {
      part = human_bytes(step.bytes) + " in " + seconds_text(step.seconds);
      if (step.result.value("resumed", false)) part += ", resumed";
      if (step.result.value("verified", false)) part += ", verified";
    }
    text += (text.empty() ? "" : ", ") + part;
  }
  return text;
}

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string time_text(double seconds) {
  const auto whole = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

}  // namespace mhub::converters
