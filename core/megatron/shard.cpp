// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/shard.hpp"

#include "mhub/base/error.hpp"

namespace mhub {

std::vector<AxisRange> shard_ranges(const std::string& name, const Partition& partition, int ranks,
                                    int rank) {
  std::vector<AxisRange> ranges;
  std::int64_t global = 0;
  std::int64_t local = 0;
  for (const Partition::Segment& one : partition.segments) {
    const std::int64_t segment = one.length, unit = one.unit, part = segment / ranks;
    if (segment % ranks != 0 || part % unit != 0) {
      const std::string blocks =
          unit == 1 ? ""
                    : " (in " + std::to_string(segment / unit) + " blocks of " + std::to_string(unit) + ")";
      throw InputError("tensor " + name + ": " + std::to_string(segment) + " indices of axis " +
                       std::to_string(partition.axis) + blocks + " cannot be split over TP=" +
                       std::to_string(ranks) + "; choose a tensor-parallel size that divides them");
    }
    ranges.push_back({global + rank * part, local, part});
    global += segment;
    local += part;
  }
  return ranges;
}

int expert_group(const std::string& name, std::int64_t expert, std::int64_t experts, int ranks) {
  if (experts % ranks != 0) {
    throw InputError("tensor " + name + ": " + std::to_string(experts) + " experts cannot be split over EP=" +
                     std::to_string(ranks) + "; choose an expert-parallel size that divides them");
  }
  return static_cast<int>(expert / (experts / ranks));
}

std::int64_t padded_vocabulary(std::int64_t rows, std::int64_t divisible_by, int tensor_parallel) {
  const std::int64_t multiple = divisible_by * tensor_parallel;
  return (rows + multiple - 1) / multiple * multiple;
}

}  // namespace mhub
