// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "mhub/convert/convert.hpp"

namespace mhub::converters {

/// This process among those that a launcher started together.
struct Rank {
  int rank = 0, size = 1;
  std::string run;  ///< the same for all of them and for no others, where the launcher says so
};

/// What OpenMPI, a launcher with a process manager interface (MPICH's, Intel's) or srun say in the
/// environment; no MPI library takes part. `variable` is std::getenv but in tests. Throws UsageError for what
/// cannot be.
std::optional<Rank> rank_of(const std::function<const char*(const char*)>& variable);
/// That of this process; throws UsageError where no launcher has started it.
Rank own_rank();

/// "K/N"; throws UsageError.
Share parse_part(const std::string& text);
/// N, of as many parts.
int parse_parts(const std::string& option, const std::string& text);

/// One conversion by all ranks of this launch: each does its part, and the first one waits for the others
/// and finishes. They all must see one file system. Returns the report of the whole (first rank) or the part.
nlohmann::json convert_as_rank(const Conversion& conversion, const std::string& output, RunOptions options,
                               const Rank& rank);

}  // namespace mhub::converters
