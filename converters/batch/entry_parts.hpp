// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "job.hpp"
#include "run_state.hpp"

namespace mhub::converters {

/// Whether several processes can share an entry's conversion: what is kept is more than one file.
bool has_parts(const RecipeEntry& entry);
/// Into how many parts it is cut: what the recipe says, else `asked`; 1 for a whole.
int parts_of(const RecipeEntry& entry, int asked);

/// An entry's conversion; `use` says whether what is on the Hub comes first or meanwhile.
Conversion plan_entry(const RecipeEntry& entry, const Callbacks& callbacks, SourceUse use);

/// Puts down that a conversion begins, and removes what one with other settings or another source left.
void begin_parts(const RecipeEntry& entry, RunState& state, const Standing& standing,
                 const std::string& source);

/// Carries out one part of an entry's conversion; the process that finishes it is `run_entry` with
/// JobContext::parts. `prepared`: who started this process holds the output's lock and has begun; else the
/// first of the parts begins, under the lock. Returns the report of the part; throws mhub::Error.
nlohmann::json run_entry_part(const RecipeEntry& entry, const JobContext& context, const Share& share,
                              bool prepared);

}  // namespace mhub::converters
