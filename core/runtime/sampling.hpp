// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "mhub/runtime/matrix.hpp"

namespace mhub::runtime {

/// How the next token is chosen from logits; the meaning of each field is that of transformers'
/// GenerationConfig, and the filters apply in its order: repetition penalty, temperature, top-k, top-p,
/// min-p.
struct SamplingOptions {
  bool do_sample = false;    ///< false: the most likely token (the first of equals); only the penalty applies
  double temperature = 1.0;  ///< > 0
  std::int64_t top_k = 0;    ///< 0: off
  double top_p = 1.0;        ///< in (0, 1]; 1: off
  double min_p = 0.0;        ///< in [0, 1]; 0: off
  double repetition_penalty = 1.0;  ///< > 0; of tokens that are in the sequence already; 1: off
};

/// Throws UsageError for a value outside its range.
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

/// The distribution that sampling draws from, most likely token first; probabilities sum to 1. `logits` are
/// changed by the repetition penalty.
std::vector<Candidate> candidates(std::span<float> logits, std::span<const std::int64_t> history,
                                  const SamplingOptions& options);

/// How many of the largest logits (Backend::largest) are enough to choose a token; 0: all are needed, as
/// nothing limits them or the repetition penalty changes their order.
std::int64_t logits_needed(const SamplingOptions& options);

/// The next token, from so many of its largest logits.
std::int64_t choose(std::span<const RowEntry> largest, const SamplingOptions& options,
                    SamplingRandom& random);

/// The next token, from all logits. `history` is the sequence so far, prompt included.
std::int64_t choose(std::span<float> logits, std::span<const std::int64_t> history,
                    const SamplingOptions& options, SamplingRandom& random);

}  // namespace mhub::runtime
