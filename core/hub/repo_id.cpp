// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/repo_id.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

constexpr std::string_view kScheme = "hf://";
constexpr std::size_t kLongest = 96;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// One side of the slash: REPO_ID_REGEX in huggingface_hub's utils/_validators.py, where \b asks for a word
/// character at either end.
bool is_part(std::string_view part) {
  return !part.empty() && part.size() <= kLongest && is_word(part.front()) && is_word(part.back()) &&
         std::all_of(part.begin(), part.end(), [](char c) { return is_word(c) || c == '-' || c == '.'; });
}

std::pair<std::string_view, std::string_view> cut(std::string_view text, char at) {
  const std::size_t place = text.find(at);
  if (place == std::string_view::npos) return {text, {}};
  return {text.substr(0, place), text.substr(place + 1)};
}

/// The kinds of repositories that a hf:// name may begin with (huggingface_hub's constants.py,
/// HF_URI_TYPE_PREFIXES).
std::string_view without_kind(std::string_view name) {
  const auto [kind, rest] = cut(name, '/');
  if (kind == "models") return rest;
  for (const std::string_view other : {"datasets", "spaces", "kernels", "buckets"}) {
    if (kind == other)
      throw UsageError(std::string(kScheme) + std::string(name) + ": is one of the Hub's " +
                       std::string(other) + ", and mhub reads models");
  }
  return name;
}

}  // namespace

std::string repo_name_problem(std::string_view name) {
  const auto [space, own] = cut(name, '/');
  const bool whole = name.find('/') == std::string_view::npos;
  if (own.find('/') != std::string_view::npos) return "more than one '/'";
  if (!is_part(space) || (!whole && !is_part(own)))
    return "names are letters, digits, '-', '_' and '.', do not begin or end with '-' or '.', and have at "
           "most 96 characters";
  if (name.find("--") != std::string_view::npos || name.find("..") != std::string_view::npos)
    return "\"--\" and \"..\" are in no name";
  return name.ends_with(".git") ? "no name ends in .git" : "";
}

bool stays_inside(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.back() == '/') return false;
  for (std::string_view rest = path; !rest.empty();) {
    const auto [part, behind] = cut(rest, '/');
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string_view::npos)
      return false;
    rest = behind;
  }
  return path.find("//") == std::string_view::npos;
}

std::optional<RepoId> parse_repo_id(std::string_view text) {
  const bool declared = text.starts_with(kScheme);
  if (declared) return require_repo_id(text);
  const auto [name, revision] = cut(text, '@');
  if (!repo_name_problem(name).empty()) return std::nullopt;
  if (name.size() == text.size()) return RepoId{std::string(name)};
  if (!stays_inside(revision)) return std::nullopt;
  return RepoId{std::string(name), std::string(revision)};
}

RepoId require_repo_id(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with(kScheme)) rest = without_kind(rest.substr(kScheme.size()));
  const auto [name, revision] = cut(rest, '@');
  if (const std::string problem = repo_name_problem(name); !problem.empty())
    throw UsageError(std::string(text) +
                     ": is no name of a model on the Hub (org/name[@revision]): " + problem);
  if (name.size() == rest.size()) return {std::string(name)};
  if (!stays_inside(revision))
    throw UsageError(std::string(text) + ": expected a branch, a tag or a commit behind '@'");
  return {std::string(name), std::string(revision)};
}

}  // namespace mhub
