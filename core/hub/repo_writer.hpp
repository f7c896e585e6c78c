// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/hub/hub.hpp"
#include "mhub/hub/local_files.hpp"

namespace mhub {

/// The questions that change a repository, as huggingface_hub puts them (_commit_api.py and hf_api.py of 1.33
/// and 2.4). Each throws as Hub::told does.
class RepoWriter {
 public:
  RepoWriter(Hub& hub, const RepoId& id) : hub_(hub), id_(id) {}

  /// Makes the repository, or finds it there.
  void create_repo(bool is_private);
  /// Makes the branch that the id names, or finds it there.
  void create_branch();
  /// Whether the Hub understands the head of a model card (README.md); its warnings. Throws InputError.
  std::vector<std::string> check_card(const std::string& text);
  /// Asks which files go up on their own, which are ignored and what is there. Not repeated.
  void ask_modes(LocalFiles& files);
  /// Makes one commit of files, of which the large ones are there, without the `deleted` ones; its name. Not
  /// repeated.
  std::string commit(const std::vector<const LocalFile*>& files, const std::vector<std::string>& deleted,
                     const std::string& message);

 private:
  std::string models() const { return hub_.settings().endpoint + "/api/models/" + id_.name; }
  std::string revision() const;

  Hub& hub_;
  RepoId id_;
};

}  // namespace mhub
