// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "converters/recipe/recipe.hpp"
#include "mhub/base/file.hpp"

namespace mhub::converters {

/// What `mhub run` keeps beside an output OUT, in the hidden folder .OUT.mhub-run: the state of its entry,
/// the last report and the log, and a lock that whoever works on the entry holds. Empty for an entry of
/// which no output is kept.
std::string state_folder(const RecipeEntry& entry);

/// What is known of an entry's output: how it was made, or is being made, and which steps have been done with
/// it.
struct RunState {
  bool converting = false;  ///< a conversion was begun and its end not written down
  std::string settings;     ///< of the conversion that was begun or done
  std::string source;       ///< the identity that it had
  std::string replaces;     ///< while converting: the identity of what lay at the output before
  std::string output;       ///< the identity of the output, once one was written
  bool verified = false;
  nlohmann::json report = nullptr;  ///< of the conversion
  /// {"settings", "output", "result"} by name; of an upload also its "branch" and the "files" that are there
  nlohmann::json steps = nlohmann::json::object();

  /// What is there; an empty one where nothing or nothing of use is.
  static RunState load(const RecipeEntry& entry);
  void save(const RecipeEntry& entry) const;
  /// Puts down that a conversion of that source begins.
  void begin(const RecipeEntry& entry, const std::string& source_identity);
};

/// The settings of a conversion as one text, with mhub's version: another one may write something else.
std::string settings_text(const RecipeEntry& entry);

/// What is to be done about an entry's conversion.
struct Standing {
  enum class Work { none, verify, convert };
  Work work = Work::convert;
  bool resume = false, overwrite = false;
  bool begun = false;  ///< the same conversion of the same source was begun, and its end not written down
  std::string why;     ///< "is there", "is new", "the source has changed", ...
};

/// Looks at what is there. `source` is the source's identity now, empty where nobody can say. An output of
/// mhub's of which the state does not tell, because the run was killed before it could or because `mhub
/// convert` made it, has to be verified first.
Standing standing_of(const RecipeEntry& entry, const RunState& state, const std::string& source);

/// Whether a step was done with this output.
bool step_is_done(const RecipeEntry& entry, const RunState& state, const std::string& step);

/// Whether all that is to be done with an entry has been done: the conversion and the steps behind it. Of one
/// that leaves nothing here nobody knows.
bool nothing_to_do(const RecipeEntry& entry, const RunState& state, const std::string& source);

/// Notes, before an upload begins, which files it brings to its branch: a run that is killed may have made
/// the commit. Returns those that earlier uploads of the entry to that branch brought.
std::set<std::string> note_upload(const RecipeEntry& entry, RunState& state);

/// The lock of an entry's output: two runs do not work on one at a time. The lock's file says who has it.
class OutputLock {
 public:
  /// Waits; `on_wait` is told once who has it, `cancelled` is asked meanwhile. Nothing is locked for an entry
  /// without output. Throws IoError, Interrupted.
  OutputLock(const RecipeEntry& entry, const std::function<void(const std::string&)>& on_wait,
             const std::function<bool()>& cancelled);

 private:
  Descriptor descriptor_;
};

}  // namespace mhub::converters
