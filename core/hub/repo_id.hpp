// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mhub {

/// A model on the Hub: "gpt2", "org/name", "org/name@revision", "hf://org/name@revision".
struct RepoId {
  std::string name;              ///< "gpt2", "org/name"
  std::string revision = kMain;  ///< a branch, a tag, "refs/pr/1" or a commit
  bool operator==(const RepoId&) const = default;

  static constexpr const char* kMain = "main";
  /// As a person writes it; the main branch goes without saying.
  std::string text() const { return revision == kMain ? name : name + "@" + revision; }
};

/// Takes a name apart. Nothing where it cannot be one of the Hub. Throws UsageError for a hf:// name that is
/// wrong, or that is no model's.
std::optional<RepoId> parse_repo_id(std::string_view text);
/// The same of what must be one. Throws UsageError that says why it is not.
RepoId require_repo_id(std::string_view text);

/// Why a name cannot be that of a repository, by the rules of huggingface_hub; empty where it can.
std::string repo_name_problem(std::string_view name);

/// Whether a path of a repository, with '/' between its parts, stays inside the folder that it is put in.
bool stays_inside(std::string_view path);

}  // namespace mhub
