// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "dashboard.hpp"
#include "schedule.hpp"

namespace mhub::converters {

/// What ran when: a row for each entry, a bar for each of its steps. Empty where nothing ran.
std::string timeline_plot(const BatchOutcome& batch);
/// Bytes converted a second. Empty where nothing was.
std::string throughput_plot(const BatchOutcome& batch, const std::vector<ThroughputSample>& samples);

}  // namespace mhub::converters
