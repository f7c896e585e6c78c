// SPDX-License-Identifier: Apache-2.0
#include "dry_run.hpp"

#include <algorithm>
#include <iostream>
#include <map>
#include <optional>

#include "budget.hpp"
#include "identity.hpp"
#include "mhub/base/disk_space.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/hub/settings.hpp"
#include "run_state.hpp"

namespace mhub::converters {
namespace {

const char* work_name(Standing::Work work) {
  switch (work) {
    case Standing::Work::none: return "nothing";
    case Standing::Work::verify: return "verify";
    case Standing::Work::convert: break;
  }
  return "convert";
}

class DryRun {
 public:
  DryRun(const Recipe& recipe, const std::set<std::size_t>& only, const DryRunOptions& options)
      : recipe_(recipe), only_(only), options_(options), plans_(recipe.entries.size()) {}

  nlohmann::json run() {
    for (const std::size_t k : recipe_.order()) {
      if (chosen(k)) look(k);
    }
    nlohmann::json result{{"conversions", nlohmann::json::array()}};
    for (std::size_t k = 0; k < plans_.size(); ++k) {
      if (chosen(k)) result["conversions"].push_back(std::move(plans_[k].json));
    }
    result["disks"] = nlohmann::json::array();
    for (const auto& [device, disk] : disks_)
      result["disks"].push_back(
          {{"place", disk.place}, {"needed_bytes", disk.needed}, {"free_bytes", disk.free}});
    // The largest of those that run at once.
    std::sort(memory_.rbegin(), memory_.rend());
    std::uint64_t memory = 0;
    for (std::size_t k = 0; k < std::min(options_.at_once, memory_.size()); ++k) memory += memory_[k];
    result["memory_bytes"] = memory;
    result["available_memory_bytes"] = available_memory();
    result["to_convert_bytes"] = to_convert_;
    result["bytes_per_second"] = nlohmann::json();
    result["seconds"] = nlohmann::json();
    if (const std::optional<double> rate = measured_rate()) {
      result["bytes_per_second"] = *rate;
      result["seconds"] = static_cast<double>(to_convert_) / *rate;
    }
    return result;
  }

 private:
  struct Plan {
    nlohmann::json json;
    std::shared_ptr<const Checkpoint> source;  ///< that it was planned from
    std::string planned_from;                  ///< whose source that is, where it is not its own
    bool to_do = false;                        ///< its output is not there yet
    bool casts = false;
  };
  struct Disk {
    std::string place;
    std::uint64_t needed = 0, free = 0;
  };

  bool chosen(std::size_t entry) const { return only_.empty() || only_.contains(entry); }

  void look(std::size_t k) {
    const RecipeEntry& entry = recipe_.entries[k];
    Plan& plan = plans_[k];
    const RunState state = RunState::load(entry);
    const Standing standing = standing_of(entry, state, identities_.of(entry));
    bool upstream = false;
    for (const std::size_t other : entry.needs) upstream = upstream || plans_[other].to_do;
    plan.json = {{"name", entry.name}, {"source", entry.request.source}, {"why", standing.why}};
    if (entry.converts()) {
      plan.json["output"] = entry.request.output;
      // What an entry before it will have changed is not known yet.
      plan.json["work"] = upstream ? "convert" : work_name(standing.work);
      if (upstream && standing.work == Standing::Work::none)
        plan.json["why"] = "what it needs is written anew";
      plan.json["resume"] = standing.resume;
      plan.to_do = upstream || standing.work == Standing::Work::convert;
    }
    plan.json["steps"] = steps(entry, state, plan.to_do);
    if (entry.converts() && !plan.to_do && standing.work == Standing::Work::verify)
      plan.json["steps"].insert(plan.json["steps"].begin(), "verify");
    if (entry.converts()) plan_conversion(k);
  }

  /// The steps that a run would do.
  static nlohmann::json steps(const RecipeEntry& entry, const RunState& state, bool to_do) {
    nlohmann::json steps = nlohmann::json::array();
    if (entry.steps.download && (to_do || !entry.converts())) steps.push_back("download");
    if (to_do) steps.push_back("convert");
    for (const auto& [name, settings] : entry.step_settings) {
      if (to_do || !step_is_done(entry, state, name)) steps.push_back(name);
    }
    return steps;
  }

  void plan_conversion(std::size_t k) {
    const RecipeEntry& entry = recipe_.entries[k];
    Plan& one = plans_[k];
    try {
      const Conversion conversion = conversion_of(k);
      one.json.update(describe(conversion, entry.request.output));
      one.json["source"] = entry.request.source;
      one.casts = conversion.casts();
      const Demand demand = demand_of(entry, conversion.bytes(), options_.threads);
      one.json["memory_bytes"] = demand.memory;
      if (!one.planned_from.empty()) one.json["planned_from"] = one.planned_from;
      if (!one.to_do) return;
      to_convert_ += conversion.bytes();
      memory_.push_back(demand.memory);
      if (entry.keeps()) need_disk(entry.request.output, conversion.bytes());
      if (one.planned_from.empty() && entry.request.open.use != SourceUse::stream)
        add_download(one, conversion);
    } catch (const Interrupted&) {
      throw;
    } catch (const Error& error) {
      // Of a chain it may be only that the source is not there yet; else the run would fail as well.
      if (!waits(k))
        throw Error(error.category(), entry.place.text() + ": " + entry.name + ": " + error.what());
      one.json["unknown"] = error.what();
    }
  }

  void need_disk(const std::string& place, std::uint64_t bytes) {
    Disk& disk = disks_[device_of(place)];
    if (disk.place.empty()) disk = {place, 0, free_space(place)};
    disk.needed += bytes;
  }

  /// What comes into the cache of a source that is looked at where it is, on the Hub.
  void add_download(Plan& one, const Conversion& conversion) {
    const std::string& place = conversion.source().path;
    if (!place.starts_with("hf://")) return;
    std::uint64_t bytes = 0;
    for (const StoredTensor& tensor : conversion.source().tensors.tensors()) {
      for (const StoredChunk& chunk : tensor.chunks) bytes += byte_count(chunk.shape, tensor.dtype);
    }
    one.json["download_bytes"] = bytes;
    // Several entries may have one source.
    if (downloads_.insert(place).second) need_disk(HubSettings::from_environment().cache.string(), bytes);
  }

  /// Whether an entry that is to run before this one may change what can be planned.
  bool waits(std::size_t k) const {
    const auto& needs = recipe_.entries[k].needs;
    return std::any_of(needs.begin(), needs.end(), [&](std::size_t other) { return plans_[other].to_do; });
  }

  Conversion conversion_of(std::size_t k) {
    const RecipeEntry& entry = recipe_.entries[k];
    Plan& one = plans_[k];
    WriteOptions write = entry.request.write;
    if (const std::optional<std::size_t> upstream = upstream_of(k)) {
      const Plan& before = plans_[*upstream];
      if (before.source == nullptr)
        throw InputError("cannot be planned before " + recipe_.entries[*upstream].name + " is there");
      one.source = before.source;
      one.planned_from = before.planned_from.empty() ? recipe_.entries[*upstream].name : before.planned_from;
      // What was cast on the way stays so.
      if (before.casts && !write.dtype) write.dtype = recipe_.entries[*upstream].request.write.dtype;
      return {one.source, write};
    }
    OpenOptions open = entry.request.open;
    open.use = SourceUse::headers;
    open.callbacks = options_.callbacks;
    one.source = std::make_shared<const Checkpoint>(open_checkpoint(entry.request.source, open));
    return {one.source, write};
  }
  /// The entry that will write the source of this one.
  std::optional<std::size_t> upstream_of(std::size_t k) const {
    const fs::path source = fs::weakly_canonical(fs::absolute(recipe_.entries[k].request.source));
    for (const std::size_t other : recipe_.entries[k].needs) {
      if (!plans_[other].to_do) continue;
      const fs::path output = fs::weakly_canonical(fs::absolute(recipe_.entries[other].request.output));
      const fs::path inside = source.lexically_relative(output);
      if (!inside.empty() && *inside.begin() != "..") return other;
    }
    return std::nullopt;
  }

  /// Bytes a second of this recipe's conversions that earlier runs have done: their median.
  std::optional<double> measured_rate() const {
    std::vector<double> rates;
    for (const RecipeEntry& entry : recipe_.entries) {
      const nlohmann::json report = RunState::load(entry).report;
      if (!report.is_object()) continue;
      const double seconds = report.value("seconds", 0.0), bytes = report.value("bytes", 0.0);
      if (seconds > 0 && bytes > 0) rates.push_back(bytes / seconds);
    }
    if (rates.empty()) return std::nullopt;
    std::sort(rates.begin(), rates.end());
    return rates[rates.size() / 2];
  }

  const Recipe& recipe_;
  const std::set<std::size_t>& only_;
  const DryRunOptions& options_;
  std::vector<Plan> plans_;
  SourceIdentities identities_;
  std::map<std::uint64_t, Disk> disks_;  ///< by device
  std::set<std::string> downloads_;
  std::vector<std::uint64_t> memory_;
  std::uint64_t to_convert_ = 0;
};

void print_entry(const nlohmann::json& one) {
  std::cout << one["name"].get<std::string>() << ": " << one["source"].get<std::string>();
  if (one.contains("output")) std::cout << " -> " << one["output"].get<std::string>();
  if (one.contains("total_bytes"))
    std::cout << ": " << human_bytes(one["total_bytes"].get<std::uint64_t>()) << " in " << one["ranks"].size()
              << (one["ranks"].size() == 1 ? " rank" : " ranks");
  if (one.contains("download_bytes"))
    std::cout << ", " << human_bytes(one["download_bytes"].get<std::uint64_t>()) << " to download";
  if (one.contains("work")) std::cout << "; " << one["why"].get<std::string>();
  std::string steps;
  for (const auto& step : one["steps"]) steps += (steps.empty() ? "" : ", ") + step.get<std::string>();
  std::cout << "; " << (steps.empty() ? "nothing to do" : "to do: " + steps);
  if (one.contains("planned_from"))
    std::cout << " (planned from the source of " << one["planned_from"].get<std::string>() << ")";
  if (one.contains("unknown")) std::cout << "; size unknown: " << one["unknown"].get<std::string>();
  std::cout << '\n';
}

}  // namespace

nlohmann::json dry_run(const Recipe& recipe, const std::set<std::size_t>& only,
                       const DryRunOptions& options) {
  return DryRun(recipe, only, options).run();
}

void print_dry_run(const nlohmann::json& run) {
  for (const auto& one : run["conversions"]) print_entry(one);
  for (const auto& disk : run["disks"]) {
    const auto needed = disk["needed_bytes"].get<std::uint64_t>(),
               free = disk["free_bytes"].get<std::uint64_t>();
    std::cout << "disk of " << disk["place"].get<std::string>() << ": " << human_bytes(needed) << " needed, "
              << human_bytes(free) << " free" << (needed > free ? ": NOT ENOUGH" : "") << '\n';
  }
  const auto memory = run["memory_bytes"].get<std::uint64_t>();
  if (memory > 0)
    std::cout << "memory: at most " << human_bytes(memory) << ", "
              << human_bytes(run["available_memory_bytes"].get<std::uint64_t>()) << " available\n";
  if (run["to_convert_bytes"].get<std::uint64_t>() > 0) {
    std::cout << "time: ";
    if (run["seconds"].is_null()) {
      std::cout << "unknown, no conversion of this recipe has been measured yet\n";
    } else {
      std::cout << "about " << static_cast<std::uint64_t>(run["seconds"].get<double>() + 0.5) << " s at "
                << human_bytes(static_cast<std::uint64_t>(run["bytes_per_second"].get<double>()))
                << "/s, the median of earlier runs\n";
    }
  }
  std::cout << "(dry run, nothing written)\n";
}

}  // namespace mhub::converters
