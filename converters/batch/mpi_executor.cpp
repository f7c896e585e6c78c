// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "child.hpp"
#include "entry_parts.hpp"
#include "executors.hpp"
#include "mhub/base/error.hpp"

namespace mhub::converters {
namespace {

constexpr std::size_t kTail = 400;

/// What mpirun's end means: that of the rank which failed first.
void throw_failure(const ChildResult& done) {
  std::string said = done.err.size() > kTail ? "..." + done.err.substr(done.err.size() - kTail) : done.err;
  // The sentence of the rank itself, where there is one.
  if (const std::size_t at = done.err.find("mhub: "); at != done.err.npos)
    said = done.err.substr(at + 6, done.err.find('\n', at) - at - 6);
  for (const ErrorCategory category : {ErrorCategory::mismatch, ErrorCategory::usage, ErrorCategory::input}) {
    if (exit_code(category) == done.code) throw Error(category, said);
  }
  throw IoError("mpirun ended with exit code " + std::to_string(done.code) + ": " + said);
}

}  // namespace

std::unique_ptr<Executor> mpi_executor(const Recipe& recipe, const ExecutorSettings& settings,
                                       std::function<JobContext(std::size_t)> context) {
  if (settings.parts == 0 && std::none_of(recipe.entries.begin(), recipe.entries.end(),
                                          [](const RecipeEntry& entry) { return entry.parts > 0; }))
    throw UsageError("--executor mpi: --parts N says how many ranks share a conversion");
  const auto ranks = [settings](const RecipeEntry& entry, int parts, const JobContext& job) {
    std::vector<std::string> words{settings.launcher, "-n", std::to_string(parts)};
    words.insert(words.end(), settings.more.begin(), settings.more.end());
    words.insert(words.end(), settings.command.begin(), settings.command.end());
    for (const std::string word : {"--only", entry.name.c_str(), "--part", "mpi"}) words.push_back(word);
    if (job.callbacks.on_progress) job.callbacks.on_progress({"converting under mpirun", 0, 0});
    const ChildResult done = run_child(words, job.callbacks.cancelled);
    throw_if(job.callbacks.cancelled);
    if (done.code != 0) throw_failure(done);
  };
  return local_executor(
      recipe, settings.at_once,
      [parts = std::max(1, settings.parts), ranks, context = std::move(context)](std::size_t entry) {
        JobContext job = context(entry);
        job.parts = parts;
        job.carry_out_parts = ranks;
        return job;
      });
}

}  // namespace mhub::converters
