// SPDX-License-Identifier: Apache-2.0
#include "steps.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "converters/options.hpp"
#include "mhub/base/error.hpp"
#include "mhub/hub/repo_id.hpp"

namespace mhub::converters {
namespace {

std::string some_text(const std::string& text) {
  if (text.empty()) throw UsageError("expected some text, found none");
  return text;
}

std::string token_ids(const std::string& text) {
  parse_tokens(text);
  return text;
}

double share(const std::string& text) {
  double value = -1;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !std::isfinite(value) ||
      value < 0)
    throw UsageError("expected a number from 0, found \"" + text + "\"");
  return value;
}

/// "org/name", or "org/name@branch" taken apart.
void set_repo(UploadStep& step, const std::string& text) {
  const RepoId id = require_repo_id(text);
  step.repo = id.name;
  if (id.revision != RepoId::kMain) step.revision = id.revision;
}

constexpr std::array<StepKind, 3> kSteps{{
    {"generate", "the converted model continues a prompt; it fails where that gives no finite logits",
     "prompt", [](Steps& s) { s.generate.emplace(); },
     [](const Steps& s) { return s.generate->prompt.empty() != s.generate->tokens.empty(); },
     "either prompt or tokens"},
    {"logits", "the converted model and its source compute the same for the same tokens", "",
     [](Steps& s) { s.logits.emplace(); }, [](const Steps&) { return true; }, ""},
    {"upload", "the output goes to the Hub, as one commit", "repo", [](Steps& s) { s.upload.emplace(); },
     [](const Steps& s) { return !s.upload->repo.empty(); }, "repo"},
}};

constexpr std::array<StepKey, 11> kStepKeys{{
    {"generate", "prompt", KeyKind::text, "the text to continue",
     [](Steps& s, const std::string& v) { s.generate->prompt = some_text(v); }},
    {"generate", "tokens", KeyKind::text, "the prompt as token ids, 1,2,3, for a model without tokenizer",
     [](Steps& s, const std::string& v) { s.generate->tokens = token_ids(v); }},
    {"generate", "max_new_tokens", KeyKind::number, "tokens to generate (default: 8)",
     [](Steps& s, const std::string& v) { s.generate->max_new_tokens = parse_size(v); }},
    {"generate", "expect", KeyKind::text, "text that the answer must contain",
     [](Steps& s, const std::string& v) { s.generate->expect = v; }},
    {"logits", "tokens", KeyKind::text, "token ids, 1,2,3 (default: 32 made-up ones)",
     [](Steps& s, const std::string& v) { s.logits->tokens = token_ids(v); }},
    {"logits", "tolerance", KeyKind::number,
     "largest difference, as a share of the source's largest logit (default: 1e-3)",
     [](Steps& s, const std::string& v) { s.logits->tolerance = share(v); }},
    {"upload", "repo", KeyKind::text, "org/name or org/name@branch",
     [](Steps& s, const std::string& v) { set_repo(*s.upload, v); }},
    {"upload", "revision", KeyKind::text, "the branch (default: main)",
     [](Steps& s, const std::string& v) { s.upload->revision = some_text(v); }},
    {"upload", "create", KeyKind::flag, "make the repository and the branch, where there are none",
     [](Steps& s, const std::string& v) { s.upload->create = parse_flag(v); }},
    {"upload", "private", KeyKind::flag, "a repository that is made is one that others do not see",
     [](Steps& s, const std::string& v) { s.upload->is_private = parse_flag(v); }},
    {"upload", "message", KeyKind::text, "of the commit",
     [](Steps& s, const std::string& v) { s.upload->message = v; }},
}};

}  // namespace

std::span<const StepKind> step_kinds() { return kSteps; }
std::span<const StepKey> step_keys() { return kStepKeys; }

const StepKind* find_step(std::string_view name) {
  for (const StepKind& one : kSteps) {
    if (name == one.name) return &one;
  }
  return nullptr;
}

const StepKey* find_step_key(std::string_view step, std::string_view name) {
  for (const StepKey& one : kStepKeys) {
    if (step == one.step && name == one.name) return &one;
  }
  return nullptr;
}

}  // namespace mhub::converters
