// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "mhub/base/error.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/convert/conversion_key.hpp"
#include "mhub/convert/overwrite.hpp"
#include "mhub/convert/share.hpp"
#include "mhub/formats/format.hpp"

namespace mhub {
namespace {

void require_shareable(const Conversion& conversion, const RunOptions& options) {
  const auto& [part, of] = *options.share;
  if (of < 1 || part < 0 || part > of)
    throw UsageError("part " + std::to_string(part) + " of " + std::to_string(of) + ": expected 1 to " +
                     std::to_string(std::max(1, of)));
  if (options.verify || options.resume)
    throw UsageError(
        "a part goes on by itself, and is verified with the whole: --verify goes with --finish-parts");
  if (conversion.source().arriving != nullptr)
    throw UsageError(conversion.source().path +
                     ": is still on its way; mhub download brings it before its parts are converted");
  if (conversion.format().discards())
    throw UsageError("--to null keeps nothing, so there are no parts of it");
  if (!conversion.format().shared())
    throw UsageError("an output of this format is one file that one process writes: leave --part out");
}

/// Writes a part's chunks and leaves its note; returns how many bytes the source's blocks have. `mine` are
/// those of the plan whose numbers are `chunks`.
std::uint64_t write_part(const Conversion& conversion, const CopyPlan& mine,
                         const std::vector<std::size_t>& chunks, const RunOptions& options,
                         const std::string& key, const StagingDirectory& staging) {
  const std::string before = fingerprint(conversion.copies().sources);
  const auto sink = conversion.output().sink(staging.path(), conversion.copies(), OutputMode::resume);
  Stage stage(options.callbacks, "converting", byte_size(mine));
  ExecuteOptions execution;
  execution.jobs = options.jobs;
  execution.on_bytes = [&](std::uint64_t count) { stage.add(count); };
  execution.resume = true;
  execution.allow_overflow = options.allow_overflow;
  const Executed done = execute(mine, *sink, execution);
  if (fingerprint(conversion.copies().sources) != before)
    throw InputError(conversion.source().path + ": changed while it was read; convert it again");
  sink->flush();  // a note must not outlive what it promises
  leave_note(staging.notes(), *options.share, key, conversion.copies(), chunks, done, *sink);
  return done.shared_bytes;
}

}  // namespace

nlohmann::json convert_part(const Conversion& conversion, const std::string& output,
                            const RunOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  require_shareable(conversion, options);
  require_apart(conversion, output);
  StagingDirectory staging(output, {.overwrite = options.overwrite,
                                    .shared = true,
                                    .ours = is_own_file,
                                    .single_file = conversion.output().single_file()});
  const std::string key = conversion_key(conversion);
  note_key(staging, key, true);
  const bool before = has_note(staging.notes(), *options.share, key);
  const std::vector<std::size_t> chunks =
      chunks_of_part(conversion.copies(), options.share->part, options.share->of);
  const CopyPlan& all = conversion.copies();
  CopyPlan mine{all.sources, all.tensors, {}, all.widened};
  for (const std::size_t chunk : chunks) mine.chunks.push_back(all.chunks[chunk]);
  const std::uint64_t shared = before ? 0 : write_part(conversion, mine, chunks, options, key, staging);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return {{"output", output},         {"part", options.share->part}, {"of", options.share->of},
          {"bytes", byte_size(mine)}, {"seconds", seconds.count()},  {"done_before", before},
          {"shared_bytes", shared}};
}

}  // namespace mhub
