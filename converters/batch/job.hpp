// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "budget.hpp"
#include "identity.hpp"
#include "mhub/base/progress.hpp"
#include "outcome.hpp"

namespace mhub::converters {

/// How an entry is carried out.
struct JobContext {
  int threads = 0;          ///< of each of its steps, unless the recipe says `jobs`
  int retries = 2;          ///< more attempts where the network or a disk failed
  double retry_delay = 2;   ///< seconds before the first of them; each next one waits four times as long
  std::string folder = {};  ///< gets the log of an entry without output; empty for none
  /// Above 1: so many processes share the conversion of an entry that has parts, unless the recipe says how
  /// many; this one finishes what they did.
  int parts = 0;
  /// Starts them and waits for them; empty: they have run already. What they left undone is done here.
  std::function<void(const RecipeEntry&, int parts, const JobContext&)> carry_out_parts = {};
  Budget* budget = nullptr;
  SourceIdentities* identities = nullptr;
  Callbacks callbacks = {};
  std::function<void(const std::string&)> say = {};  ///< a sentence for people about this entry
};

/// Carries an entry out, all its steps in turn: what an earlier run did is left alone, what it began is gone
/// on with, what has changed is done again. Everything that is done is put down beside the output at once
/// (run_state.hpp), the outcome too. Never throws but for what is no std::exception.
EntryOutcome run_entry(const RecipeEntry& entry, const JobContext& context);

}  // namespace mhub::converters
