// SPDX-License-Identifier: Apache-2.0
#include "entry_parts.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/convert/overwrite.hpp"
#include "mhub/formats/format.hpp"

namespace mhub::converters {

bool has_parts(const RecipeEntry& entry) {
  const std::string& format = entry.request.write.format;
  return entry.converts() && (format.empty() ? *formats().front() : format_named(format)).shared();
}

int parts_of(const RecipeEntry& entry, int asked) {
  if (!has_parts(entry)) return 1;
  return entry.parts > 0 ? entry.parts : std::max(1, asked);
}

Conversion plan_entry(const RecipeEntry& entry, const Callbacks& callbacks, SourceUse use) {
  OpenOptions open = entry.request.open;
  open.callbacks = callbacks;
  if (open.use == SourceUse::model) open.use = use;
  return plan(entry.request.source, entry.request.write, open);
}

void begin_parts(const RecipeEntry& entry, RunState& state, const Standing& standing,
                 const std::string& source) {
  state.begin(entry, source);
  if (standing.begun) return;
  // A partial folder that is made anew and not kept takes the old one with it.
  const StagingDirectory anew(entry.request.output, {.overwrite = standing.overwrite, .ours = is_own_file});
}

nlohmann::json run_entry_part(const RecipeEntry& entry, const JobContext& context, const Share& share,
                              bool prepared) {
  if (!has_parts(entry))
    throw UsageError(entry.name + ": one process writes its output; there are no parts of it");
  RunState state;
  Standing standing;
  {
    std::optional<OutputLock> lock;
    const auto on_wait = [&](const std::string& who) { context.say("waits for " + who); };
    if (!prepared) lock.emplace(entry, on_wait, context.callbacks.cancelled);
    state = RunState::load(entry);
    const std::string source = context.identities->of(entry);
    standing = standing_of(entry, state, source);
    // Somebody has finished it.
    if (standing.work != Standing::Work::convert)
      return {{"output", entry.request.output},  {"part", share.part},  {"of", share.of},
              {"bytes", std::uint64_t{0}},       {"done_before", true}, {"seconds", 0.0},
              {"shared_bytes", std::uint64_t{0}}};
    if (!prepared && !standing.begun) begin_parts(entry, state, standing, source);
  }
  RunOptions run = entry.request.run;
  run.jobs = run.jobs > 0 ? run.jobs : context.threads;
  run.verify = run.resume = false;
  run.overwrite = standing.overwrite;
  run.share = share;
  run.callbacks = context.callbacks;
  return convert(plan_entry(entry, context.callbacks, SourceUse::model), entry.request.output, run);
}

}  // namespace mhub::converters
