// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "keys.hpp"

namespace mhub::converters {

/// A smoke test of what was converted: the model goes on with a prompt.
struct GenerateStep {
  std::string prompt;
  std::string tokens;  ///< the prompt as token ids, instead
  std::int64_t max_new_tokens = 8;
  std::string expect;  ///< what the answer must contain; empty: anything
};

/// What was converted computes what its source does.
struct LogitsStep {
  std::string tokens;  ///< empty: made-up ones
  double tolerance = 1e-3;
};

/// What was converted goes to the Hub.
struct UploadStep {
  std::string repo;
  std::string revision = {};  ///< the branch; empty: main
  bool create = false, is_private = false;
  std::string message = {};

  /// "org/name@branch"
  std::string place() const { return revision.empty() ? repo : repo + "@" + revision; }
};

/// What is done beside the conversion.
struct Steps {
  bool download = false;  ///< all of a source on the Hub comes before its conversion begins
  std::optional<GenerateStep> generate;
  std::optional<LogitsStep> logits;
  std::optional<UploadStep> upload;
};

/// A step that a recipe has as a map of keys, or in short as the value of one of them.
struct StepKind {
  const char* name;
  const char* help;
  const char* short_key;  ///< `upload: org/name` means `upload: {repo: org/name}`; empty: only true is short
  void (*begin)(Steps&);
  /// The key without which the step makes no sense; empty for none.
  bool (*complete)(const Steps&);
  const char* needed;
};
std::span<const StepKind> step_kinds();
const StepKind* find_step(std::string_view name);

/// A key of a step.
struct StepKey {
  const char* step;
  const char* name;
  KeyKind kind;
  const char* help;
  /// As that of ConvertKey; after the step's `begin`.
  void (*set)(Steps&, const std::string& value);
};
std::span<const StepKey> step_keys();
const StepKey* find_step_key(std::string_view step, std::string_view name);

}  // namespace mhub::converters
