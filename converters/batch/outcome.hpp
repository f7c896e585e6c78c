// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "converters/exit_codes.hpp"
#include "converters/recipe/recipe.hpp"

namespace mhub::converters {

/// What came of one step of an entry.
struct StepOutcome {
  std::string step;    ///< download, convert, verify, generate, logits, upload
  bool done_before;    ///< an earlier run did it, and nothing has changed since
  double started = 0;  ///< seconds since 1970
  double seconds = 0;
  std::uint64_t bytes = 0;  ///< of tensors, or sent; 0 where it makes no sense
  nlohmann::json result = nullptr;
};

enum class EntryStatus {
  done,
  up_to_date,  ///< all of it had been done before
  failed,
  interrupted,
  not_run,  ///< another one failed or stopped the work
};
const char* status_name(EntryStatus status);

/// What came of one entry.
struct EntryOutcome {
  std::string name;
  EntryStatus status = EntryStatus::not_run;
  std::string why;  ///< why it was converted or left alone; of not_run, what it waited for
  Failure failure;  ///< of failed and interrupted
  std::string failed_step;
  int attempts = 0;
  double started = 0, ended = 0;  ///< seconds since 1970
  std::vector<StepOutcome> steps;
  nlohmann::json report = nullptr;  ///< of its conversion, of this run or the one that did it
  std::string log;                  ///< a file; empty for none

  bool good() const { return status == EntryStatus::done || status == EntryStatus::up_to_date; }
  const StepOutcome* find(std::string_view step) const;
};

/// An outcome as output.schema.json has it (run_entry).
nlohmann::json to_json(const RecipeEntry& entry, const EntryOutcome& outcome);
/// Such a value read back; nothing for what is none. Times are of whole seconds.
std::optional<EntryOutcome> outcome_of_json(const nlohmann::json& json);
/// "done: 2.1 GB in 3.2 s, verified, generated, uploaded": a line for people.
std::string summary_line(const EntryOutcome& outcome);

/// Seconds since 1970, now; and as text, 2026-11-30T10:15:00Z.
double now_seconds();
std::string time_text(double seconds);

}  // namespace mhub::converters
