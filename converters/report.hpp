// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "convert_keys.hpp"

namespace mhub::converters {

/// Carries a conversion out, with its progress on stderr unless `silent`; the library's report.
nlohmann::json carry_out(const Conversion& conversion, const ConvertRequest& request, bool silent);

/// Such a report for people, on stdout.
void print_report(const nlohmann::json& report);

}  // namespace mhub::converters
