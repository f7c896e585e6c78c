// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/shared_runs.hpp"

#include <algorithm>
#include <map>

#include "mhub/base/file.hpp"
#include "mhub/mapping/loop_steps.hpp"

namespace mhub {
namespace {

/// Shorter runs are copied faster than a file system notes that they are shared, and leave files in pieces.
constexpr std::int64_t kLeastRun = 64 << 10;

template <typename Visit>
void for_each_run(const ChunkPlan& chunk, const Visit& visit) {
  if (chunk.source_dtype != chunk.dtype || chunk.added != 0) return;
  const auto size = static_cast<std::int64_t>(size_of(chunk.dtype));
  for (const CopyTerm& term : chunk.terms) {
    const Loops& loops = term.box.loops;
    if (term.zero() || !term.bytes->in_file() || loops.empty()) continue;
    const Loop& run = loops.back();
    if (run.source_stride != 1 || run.destination_stride != 1 || run.extent * size < kLeastRun) continue;
    for_each_step(std::span(loops).first(loops.size() - 1), term.box.source_offset,
                  term.box.destination_offset, [&](std::int64_t from, std::int64_t at) {
                    visit(SharedRun{term.bytes, term.byte_offset + static_cast<std::uint64_t>(from * size),
                                    static_cast<std::uint64_t>(at * size),
                                    static_cast<std::uint64_t>(run.extent * size)});
                  });
  }
}

}  // namespace

std::vector<SharedRun> shared_runs(const ChunkPlan& chunk) {
  std::vector<SharedRun> runs;
  for_each_run(chunk, [&](const SharedRun& run) { runs.push_back(run); });
  std::sort(runs.begin(), runs.end(), [](const SharedRun& a, const SharedRun& b) { return a.at < b.at; });
  return runs;
}

int best_phase(const ChunkPlan& chunk) {
  std::map<std::uint64_t, std::uint64_t> bytes;  // by phase
  for_each_run(chunk, [&](const SharedRun& run) { bytes[(run.from - run.at) % kFileBlock] += run.size; });
  const auto most = std::max_element(bytes.begin(), bytes.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes.end() ? -1 : static_cast<int>(most->first);
}

}  // namespace mhub
