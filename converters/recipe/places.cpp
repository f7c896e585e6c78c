// SPDX-License-Identifier: Apache-2.0
#include "places.hpp"

#include <algorithm>
#include <filesystem>

#include "entries.hpp"
#include "mhub/hub/repo_id.hpp"

namespace mhub::converters {
namespace {

namespace fs = std::filesystem;

/// The path with links followed as far as it exists.
fs::path real_path(const std::string& path) {
  std::error_code error;
  fs::path result = fs::weakly_canonical(fs::absolute(path), error);
  if (error) result = fs::absolute(path);  // links that lead in a circle: an error of whoever opens it
  result = result.lexically_normal();
  return result.has_filename() ? result : result.parent_path();
}

/// Whether `inner` is `outer` or lies in it.
bool lies_in(const fs::path& inner, const fs::path& outer) {
  const auto ends = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return ends.first == outer.end();
}

class PlaceCheck {
 public:
  explicit PlaceCheck(Recipe& recipe) : recipe_(recipe) {}

  void run() {
    for (std::size_t k = 0; k < recipe_.entries.size(); ++k) read_entry(k);
    for (const auto& [output, k] : outputs_) {
      check_around(output, k);
      check_inside(output, k);
    }
    for (const Source& source : sources_) add_need(source);
    check_uploads();
  }

 private:
  struct Source {
    std::size_t entry;
    const std::string* text;
    fs::path path;
  };

  [[noreturn]] void fail(std::size_t k, const std::string& key, const std::string& what) const {
    const RecipeEntry& entry = recipe_.entries[k];
    const auto given = entry.given.find(key);
    if (given == entry.given.end()) fail_at(entry.place, key + ": " + what);
    fail_value(given->second, what);
  }

  void read_entry(std::size_t k) {
    const RecipeEntry& entry = recipe_.entries[k];
    for (const std::string* path : {&entry.request.source, &entry.request.open.hf_reference}) {
      if (path->empty()) continue;
      sources_.push_back({k, path, real_path(*path)});
      read_.emplace(sources_.back().path, sources_.size() - 1);
    }
    if (!entry.keeps()) return;
    const auto [at, added] = outputs_.emplace(real_path(entry.request.output), k);
    if (!added)
      fail_at(entry.place, "output: " + entry.request.output + " is that of " +
                               recipe_.entries[at->second].name +
                               ", too; put ${name} or what tells them apart into it");
  }

  /// Of `/` and the current folder, or one around it, nothing may be replaced.
  void check_around(const fs::path& output, std::size_t k) const {
    const std::string& text = recipe_.entries[k].request.output;
    if (lies_in(fs::current_path(), output))
      fail(k, "output", text + " is the current folder or one around it; name a folder of its own");
  }
  /// What lies in another folder changes it, and goes with it.
  void check_inside(const fs::path& output, std::size_t k) const {
    const RecipeEntry& entry = recipe_.entries[k];
    const std::string& text = entry.request.output;
    for (const std::string* path : {&entry.request.source, &entry.request.open.hf_reference}) {
      if (path->empty()) continue;
      const fs::path source = real_path(*path);
      const char* key = path == &entry.request.source ? "source" : "hf_reference";
      if (source == output) fail(k, "output", text + " is the " + key + " itself; name another folder");
      if (lies_in(source, output))
        fail(k, "output", text + " holds the " + key + " " + *path + "; name a folder beside it");
    }
    for (fs::path at = output.parent_path(); at.has_relative_path(); at = at.parent_path()) {
      if (const auto made = outputs_.find(at); made != outputs_.end())
        fail(k, "output",
             text + " lies in the output of " + recipe_.entries[made->second].name +
                 "; name a folder beside it");
      if (const auto read = read_.find(at); read != read_.end())
        fail(k, "output",
             text + " lies in " + *sources_[read->second].text + ", which " +
                 recipe_.entries[sources_[read->second].entry].name + " reads; name a folder beside it");
    }
  }

  void add_need(const Source& source) {
    std::vector<std::size_t>& needs = recipe_.entries[source.entry].needs;
    for (fs::path at = source.path; at.has_relative_path(); at = at.parent_path()) {
      const auto made = outputs_.find(at);
      if (made == outputs_.end() || made->second == source.entry) continue;
      if (std::find(needs.begin(), needs.end(), made->second) == needs.end()) needs.push_back(made->second);
    }
  }

  /// A branch has one folder: the second upload would leave a mixture.
  void check_uploads() const {
    std::map<std::string, std::size_t> branches;
    for (std::size_t k = 0; k < recipe_.entries.size(); ++k) {
      if (!recipe_.entries[k].steps.upload) continue;
      const RepoId id = require_repo_id(recipe_.entries[k].steps.upload->place());
      const std::string branch = id.name + "@" + id.revision;
      const auto [at, added] = branches.emplace(branch, k);
      if (!added)
        fail(k, "upload",
             branch + " is where " + recipe_.entries[at->second].name +
                 " uploads to, too; give each a branch or a repository of its own");
    }
  }

  Recipe& recipe_;
  std::map<fs::path, std::size_t> outputs_;  ///< entries by what they write
  std::vector<Source> sources_;
  std::map<fs::path, std::size_t> read_;  ///< of the sources, by their paths
};

}  // namespace

void check_places(Recipe& recipe) { PlaceCheck(recipe).run(); }

}  // namespace mhub::converters
