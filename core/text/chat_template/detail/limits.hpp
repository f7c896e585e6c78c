// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace mhub::jinja {

/// What a template may use up. A template comes with a downloaded model and may be hostile; no public
/// template comes near any of these (the longest has 30 kB and nests 20 deep).
constexpr std::size_t kMaxTemplateBytes = 4 << 20;
constexpr int kMaxSyntaxDepth = 400;             ///< nesting of expressions and of statements
constexpr int kMaxEvaluationDepth = 1000;        ///< the same while running: macros call macros
constexpr int kMaxValueDepth = 300;              ///< lists in lists
constexpr std::size_t kMaxTextBytes = 64 << 20;  ///< one string, and the output
constexpr std::size_t kMaxItems = 1 << 22;       ///< one list
constexpr std::size_t kMaxWeight = 1 << 24;  ///< everything in one list, counted as often as it is reachable
constexpr std::int64_t kMaxRange = 100000;   ///< jinja2.sandbox.MAX_RANGE
constexpr std::int64_t kMaxRangeBound = std::int64_t{1} << 40;  ///< start, stop and step of a range
constexpr std::uint64_t kMaxSteps = 50'000'000;  ///< about one per 64 bytes or list element looked at
constexpr std::uint64_t kMaxBytes = 1 << 30;     ///< of all strings and lists made during one rendering

}  // namespace mhub::jinja
