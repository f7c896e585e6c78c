// SPDX-License-Identifier: Apache-2.0
#include "shares.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>

#include "mhub/base/error.hpp"
#include "mhub/convert/share.hpp"
#include "options.hpp"

namespace mhub::converters {
namespace {

struct Launcher {
  const char *rank, *size;
  std::array<const char*, 2> run;
};
// mpirun of OpenMPI; MPICH's hydra and Intel's; srun. In this order: mpirun may run inside a Slurm job.
constexpr std::array<Launcher, 3> kLaunchers{
    {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", {"PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"}},
     {"PMI_RANK", "PMI_SIZE", {"PMI_JOBID", "SLURM_JOB_ID"}},
     {"SLURM_PROCID", "SLURM_NTASKS", {"SLURM_JOB_ID", "SLURM_STEP_ID"}}}};

int number_of(const char* name, const char* text) {
  const std::string value = text;
  const bool digits = !value.empty() && value.size() < 8 &&
                      std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) throw UsageError(std::string(name) + ": expected a number, found \"" + value + "\"");
  return std::stoi(value);
}

/// Parts have about the same bytes. What takes ten times as long as one's own does not come any more.
double patience(double own_seconds) { return std::max(600.0, 10 * own_seconds); }

}  // namespace

std::optional<Rank> rank_of(const std::function<const char*(const char*)>& variable) {
  for (const Launcher& launcher : kLaunchers) {
    const char* rank = variable(launcher.rank);
    const char* size = variable(launcher.size);
    if (rank == nullptr || size == nullptr) continue;
    Rank found{number_of(launcher.rank, rank), number_of(launcher.size, size), ""};
    if (found.rank >= found.size)
      throw UsageError(std::string(launcher.rank) + "=" + rank + ": there are " + size + " ranks");
    for (const char* name : launcher.run) {
      if (const char* part = variable(name)) found.run += std::string(part) + ".";
    }
    return found;
  }
  return std::nullopt;
}

Rank own_rank() {
  const std::optional<Rank> rank = rank_of([](const char* name) { return std::getenv(name); });
  if (!rank) throw UsageError("--part mpi: mpirun or srun must start this command, and none has");
  return *rank;
}

Share parse_part(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == text.npos) throw UsageError("--part: expected K/N or mpi, found \"" + text + "\"");
  const Share share{parse_parts("--part", text.substr(0, slash)),
                    parse_parts("--part", text.substr(slash + 1))};
  if (share.part > share.of) throw UsageError("--part " + text + ": there are " + std::to_string(share.of));
  return share;
}

int parse_parts(const std::string& option, const std::string& text) {
  try {
    return parse_size(text);
  } catch (const UsageError& error) {
    throw UsageError(option + ": " + error.what());
  }
}

nlohmann::json convert_as_rank(const Conversion& conversion, const std::string& output, RunOptions options,
                               const Rank& rank) {
  const auto start = std::chrono::steady_clock::now();
  const RunOptions whole = options;
  options.verify = options.resume = false;
  options.share = Share{rank.rank + 1, rank.size};
  const nlohmann::json report = convert(conversion, output, options);
  note_process(output, *options.share, rank.run);
  if (rank.rank > 0) return report;
  const std::chrono::duration<double> own = std::chrono::steady_clock::now() - start;
  await_processes(output, rank.size, rank.run, patience(own.count()), options.callbacks);
  options = whole;
  options.resume = false;
  options.share = Share{0, rank.size};
  return convert(conversion, output, options);
}

}  // namespace mhub::converters
