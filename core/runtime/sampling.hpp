// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "mhub/runtime/matrix.hpp"

namespace mhub::runtime {

/// How the next token is chosen from logits that LogitsRules have changed; the meaning of each field is that
/// of transformers' GenerationConfig, and the filters apply in its order: temperature, top-k, top-p, min-p.
struct SamplingOptions {
  bool do_sample = false;    ///< false: the most likely token (the first of equals), whatever stands below
  double temperature = 1.0;  ///< > 0
  std::int64_t top_k = 0;    ///< 0: off; what is as likely as the last of them is kept too
  double top_p = 1.0;        ///< in (0, 1]; 1: off
  double min_p = 0.0;        ///< in [0, 1]; 0: off
};

/// Throws UsageError for a value outside its range, if sampling uses it.
void check(const SamplingOptions& options);

/// Random numbers that are the same on every machine for one seed.
class SamplingRandom {
 public:
  explicit SamplingRandom(std::uint64_t seed) : engine_(seed) {}
  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }

 private:
  std::mt19937_64 engine_;
};

/// A token that may be drawn, and how likely.
struct Candidate {
  std::int64_t token;
  double probability;
};

/// The distribution that sampling draws from, most likely token first; probabilities sum to 1. Throws
/// InputError when no token is left.
std::vector<Candidate> candidates(std::span<const float> logits, const SamplingOptions& options);

/// How many of the largest logits (Backend::largest) choose a token; 0: all are needed, as nothing limits
/// them.
std::int64_t logits_needed(const SamplingOptions& options);

/// The next token, from so many of its largest logits; nothing when they do not decide, since there may be
/// more that are as likely as the last of them.
std::optional<std::int64_t> choose(std::span<const RowEntry> largest, const SamplingOptions& options,
                                   SamplingRandom& random);

/// The next token, from all logits.
std::int64_t choose(std::span<const float> logits, const SamplingOptions& options, SamplingRandom& random);

}  // namespace mhub::runtime
