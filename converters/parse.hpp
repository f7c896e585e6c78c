#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "mhub/parallel/layout.hpp"
#include "mhub/tensor/dtype.hpp"

namespace mhub::converters {

// Values of options, as the command line and recipes spell them. Each throws UsageError that names the
// option.
ParallelSizes parse_sizes(int tp, int pp, int vpp, int ep, int etp);
DType parse_dtype(const std::string& text);
TransformerImpl parse_impl(const std::string& text);
std::optional<std::int64_t> parse_iteration(const std::string& text);
std::int64_t parse_divisor(std::int64_t value);
int parse_jobs(int value);

/// A conversion's report for people, on stdout.
void print_report(const nlohmann::json& report);

}  // namespace mhub::converters
