// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mhub/runtime/decoder.hpp"
#include "mhub/runtime/generation_config.hpp"

namespace mhub::runtime {

/// How one call of `generate` runs.
struct GenerationOptions {
  SamplingOptions sampling;
  LogitsRules rules;
  std::vector<std::int64_t> eos_token_ids;
  std::int64_t max_new_tokens = 20;
  std::uint64_t seed = 0;
  Precision precision = Precision::exact;
  /// Whether the model's prediction block guesses tokens that are then checked, two in a pass (speculative
  /// decoding): the tokens are the same, in fewer passes. Nothing said: where the model can
  /// (Decoder::can_guess) and as long as guesses come true often enough.
  std::optional<bool> use_mtp = {};
  /// Called with every new token of every sequence; true ends that sequence there (a stop string).
  std::function<bool(std::size_t sequence, std::int64_t token)> on_token;
};

/// What became of one prompt.
struct Generation {
  enum class Finish {
    length,  ///< max_new_tokens
    eos,
    stop,    ///< on_token said so
    context  ///< the model's context is full
  };
  std::vector<std::int64_t> tokens;  ///< new ones; an end-of-sequence token is the last
  Finish finish = Finish::length;
};

/// Seconds and tokens of a `generate` call, all sequences together.
struct GenerationTiming {
  double prefill_seconds = 0, decode_seconds = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t decoded_tokens = 0;  ///< without each sequence's first, which the prefill gives
  std::int64_t decode_passes = 0;
  std::int64_t guessed_tokens = 0, accepted_tokens = 0;  ///< by the prediction block; those that came true
};

struct GenerationResult {
  std::vector<Generation> sequences;  ///< parallel to the prompts
  GenerationTiming timing;
};

/// What is continued: tokens, and what takes the place of the embeddings of some (pictures'). Borrows those
/// values.
struct Prompt {
  std::vector<std::int64_t> tokens;
  std::vector<Decoder::Features> features = {};
  std::vector<TokenSpan> together = {};  ///< tokens that see each other (Segment::together)
  std::vector<TokenGrid> grids = {};     ///< pictures, for models with MultiAxisRotary
};

/// Where a piece of a prompt of `count` tokens ends that begins at `begin` and is about `size` long: spans of
/// tokens that see each other are not cut.
std::size_t piece_end(std::size_t begin, std::size_t size, std::size_t count,
                      std::span<const TokenSpan> together);

/// Continues prompts of any lengths together. Sequences do not influence each other: each one's tokens are
/// those that it would get alone (sequence k draws from a generator seeded with seed + k). Throws UsageError
/// for an empty prompt, one longer than the model's context, a token outside the vocabulary, options out of
/// range, or guesses asked of a model that cannot or for pictures.
GenerationResult generate(Decoder& decoder, const std::vector<Prompt>& prompts,
                          const GenerationOptions& options);
/// Of tokens alone.
GenerationResult generate(Decoder& decoder, const std::vector<std::vector<std::int64_t>>& prompts,
                          const GenerationOptions& options);

}  // namespace mhub::runtime
