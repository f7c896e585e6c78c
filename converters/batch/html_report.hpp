// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "dashboard.hpp"
#include "schedule.hpp"

namespace mhub::converters {

/// A run as one page that needs nothing else: what came of each entry, sizes and rates, a timeline, the
/// throughput, links to logs. `file` is where it will lie. One of a run that goes on says so, and a browser
/// asks for it again.
std::string html_report(const Recipe& recipe, const BatchOutcome& batch,
                        const std::vector<ThroughputSample>& samples, const std::string& file, bool running);

/// Throws UsageError where a file is there that is no such page: it may be somebody's.
void require_report_place(const std::string& file);

}  // namespace mhub::converters
