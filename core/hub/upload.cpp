// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/upload.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/parallel.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/hub/lfs.hpp"
#include "mhub/hub/repo_writer.hpp"
#include "mhub/hub/stale_weights.hpp"

namespace mhub {
namespace {

/// One call of upload.
class Upload {
 public:
  Upload(Hub& hub, const std::string& folder, const RepoId& id, const UploadOptions& options)
      : hub_(hub),
        folder_(folder),
        id_(id),
        options_(options),
        writer_(hub, id),
        files_(files_of_folder(folder)) {}

  Uploaded run() {
    Uploaded result{id_.name, id_.revision, {}};
    result.notes = check_card();
    if (options_.create) {
      writer_.create_repo(options_.is_private);
      if (id_.revision != RepoId::kMain) writer_.create_branch();
    }
    hub_.repeated([&] { ask_modes(); });
    find_stale();
    hash();
    std::vector<const LocalFile*> large = changed();
    result.changed = large.size();
    std::erase_if(large, [](const LocalFile* file) { return !file->large; });
    if (!large.empty())
      result.uploaded_bytes = LfsUpload(hub_, id_, options_.connections).send(large, options_.callbacks);
    result.deleted = stale_;
    result.commit = commit();
    for (const LocalFile& file : files_) {
      if (file.ignored) result.ignored.push_back(file.name);
    }
    result.files = files_.size() - result.ignored.size();
    return result;
  }

 private:
  std::vector<const LocalFile*> changed() const {
    std::vector<const LocalFile*> files;
    for (const LocalFile& file : files_) {
      if (!file.ignored && file.there != file.hash) files.push_back(&file);
    }
    return files;
  }

  /// Before hours are spent on the weights.
  std::vector<std::string> check_card() {
    constexpr std::uint64_t kLargestCard = 16 << 20;
    const auto card = std::find_if(files_.begin(), files_.end(),
                                   [](const LocalFile& file) { return file.name == "README.md"; });
    if (card == files_.end()) return {};
    const std::string text = read_file(card->path, kLargestCard);
    if (!is_utf8(text)) throw InputError(card->path + ": expected UTF-8, found other bytes");
    std::vector<std::string> warnings = writer_.check_card(text);
    for (std::string& warning : warnings) warning = "README.md: " + warning;
    return warnings;
  }

  void ask_modes() {
    try {
      writer_.ask_modes(files_);
    } catch (const HubRefusal& error) {
      constexpr int kNotFound = 404;
      if (options_.create || error.status() != kNotFound) throw;
      throw HubRefusal(std::string(error.what()) + "; --create makes it", error.status());
    }
  }

  /// What an earlier upload left and would be read instead of what comes now, or beside it.
  void find_stale() {
    stale_.clear();
    if (!options_.own) return;
    std::string foreign;
    for (const std::string& name : stale_weights(hub_.files_of(id_, hub_.commit_of(id_)), files_)) {
      if (options_.own->contains(name)) {
        stale_.push_back(name);
      } else {
        foreign += (foreign.empty() ? "" : ", ") + name;
      }
    }
    if (!foreign.empty())
      throw InputError(id_.text() + " has weights that " + folder_ +
                       " lacks, and a reader would take them: " + foreign +
                       "; delete them there, or upload to another branch or repository");
  }

  void hash() {
    std::uint64_t bytes = 0;
    std::vector<LocalFile*> files;
    for (LocalFile& file : files_) {
      if (file.ignored) continue;
      files.push_back(&file);
      bytes += file.size;
    }
    Stage stage(options_.callbacks, "hashing", bytes);
    constexpr std::size_t kThreads = 4;
    for_all(files.size(), kThreads,
            [&](std::size_t k) { hash_file(*files[k], [&](std::uint64_t count) { stage.add(count); }); });
  }

  /// A commit whose answer was lost may have been made: before it is asked for again, the Hub is asked what
  /// is there, and then there is nothing left to commit.
  std::string commit() {
    std::string made;
    bool again = false;
    hub_.repeated([&] {
      if (std::exchange(again, true)) {
        writer_.ask_modes(files_);
        find_stale();
      }
      const std::vector<const LocalFile*> files = changed();
      for (const LocalFile* file : files) require_unchanged(*file);
      made = files.empty() && stale_.empty() ? hub_.commit_of(id_)
                                             : writer_.commit(files, stale_, options_.message);
    });
    return made;
  }

  Hub& hub_;
  std::string folder_;
  RepoId id_;
  const UploadOptions& options_;
  RepoWriter writer_;
  LocalFiles files_;
  std::vector<std::string> stale_;  ///< goes with the commit
};

void require_possible(const Hub& hub, const RepoId& id, const UploadOptions& options) {
  if (id.name.find('/') == std::string::npos)
    throw UsageError(id.name + ": expected org/name, found a name without the account that it belongs to");
  if (options.is_private && !options.create)
    throw UsageError("--private says how a repository is created, and nothing is created without --create");
  if (options.message.empty() || !is_utf8(options.message))
    throw UsageError("--message: expected a line of text (UTF-8)");
  if (hub.settings().offline)
    throw IoError(id.text() + ": HF_HUB_OFFLINE is set, and nothing is uploaded then");
  if (!hub.settings().token)
    throw UsageError(id.text() + ": an upload needs a token: set HF_TOKEN, or log in with hf auth login");
}

}  // namespace

Uploaded upload(Hub& hub, const std::string& folder, const RepoId& id, const UploadOptions& options) {
  require_possible(hub, id, options);
  hub.cancel_when(options.callbacks.cancelled);
  try {
    return Upload(hub, folder, id, options).run();
  } catch (const Interrupted&) {
    throw Interrupted("interrupted; whole files that the Hub has got are kept, and the same command goes on");
  }
}

}  // namespace mhub
