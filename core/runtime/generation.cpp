// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/generation.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

#include "mhub/base/error.hpp"
#include "mhub/runtime/context_length.hpp"

namespace mhub::runtime {
namespace {

/// Prompts run through the model in pieces of this many tokens: long enough for the multiplications, short
/// enough that activations take little memory.
constexpr std::size_t kPrefillTokens = 512;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Sequence {
  SequenceCache cache;
  std::vector<std::int64_t> history;
  std::size_t prompt;  ///< so many of history
  const Prompt& from;
  SamplingRandom random;
  Generation result;
  bool done = false;
};

/// The next token of each sequence from its row of the logits, of which no more is read than decides.
std::vector<std::int64_t> next_tokens(Backend& backend, Matrix logits, std::span<Sequence* const> sequences,
                                      const GenerationOptions& options) {
  std::vector<std::optional<std::int64_t>> tokens(sequences.size());
  const std::int64_t needed = options.rules.any() ? 0 : logits_needed(options.sampling);
  if (needed > 0) {
    const auto count = static_cast<std::size_t>(std::min(needed, logits.columns));
    const std::vector<RowEntry> largest = backend.largest(logits, static_cast<std::int64_t>(count));
    for (std::size_t k = 0; k < tokens.size(); ++k)
      tokens[k] =
          choose(std::span(largest).subspan(k * count, count), options.sampling, sequences[k]->random);
  }
  std::vector<float> values;
  std::vector<std::int64_t> chosen;
  for (std::size_t k = 0; k < tokens.size(); ++k) {
    if (!tokens[k]) {
      const auto columns = static_cast<std::size_t>(logits.columns);
      if (values.empty()) backend.read(logits, values = std::vector<float>(tokens.size() * columns));
      const auto row = std::span(values).subspan(k * columns, columns);
      Sequence& sequence = *sequences[k];
      const auto longest = static_cast<std::int64_t>(sequence.prompt) + options.max_new_tokens;
      apply(options.rules, row, {sequence.history, sequence.prompt, longest, options.eos_token_ids});
      tokens[k] = choose(row, options.sampling, sequence.random);
    }
    chosen.push_back(*tokens[k]);
  }
  return chosen;
}

/// Appends a token to a sequence and decides whether it ends there; `context` is how long it may become.
void advance(Sequence& sequence, std::size_t number, std::int64_t token, std::int64_t context,
             const GenerationOptions& options) {
  sequence.history.push_back(token);
  sequence.result.tokens.push_back(token);
  const bool stop = options.on_token && options.on_token(number, token);
  const bool eos = std::find(options.eos_token_ids.begin(), options.eos_token_ids.end(), token) !=
                   options.eos_token_ids.end();
  const bool full = static_cast<std::int64_t>(sequence.result.tokens.size()) >= options.max_new_tokens;
  // The last token is chosen but never runs through the model, so it needs no place.
  const bool crowded = static_cast<std::int64_t>(sequence.history.size()) > context;
  if (eos) {
    sequence.result.finish = Generation::Finish::eos;
  } else if (stop) {
    sequence.result.finish = Generation::Finish::stop;
  } else if (crowded && !full) {
    sequence.result.finish = Generation::Finish::context;
  }
  sequence.done = eos || stop || full || crowded;
}

/// Runs the first `count` tokens of a sequence that starts; the result is the logits behind them if wanted.
Matrix run_anew(Decoder& decoder, Sequence& sequence, std::size_t count, Decoder::Logits wanted,
                Precision precision) {
  sequence.cache = decoder.new_sequence();
  sequence.cache.expected_length = static_cast<std::int64_t>(sequence.history.size());
  Matrix out;
  for (std::size_t begin = 0, end = 0; begin < count; begin = end) {
    end = piece_end(begin, kPrefillTokens, count, sequence.from.together);
    const Decoder::Step step{&sequence.cache, std::span(sequence.history).subspan(begin, end - begin),
                             sequence.from.features, sequence.from.together, sequence.from.grids};
    out = decoder.forward({&step, 1}, end == count ? wanted : Decoder::Logits::none, precision);
  }
  return out;
}

}  // namespace

std::size_t piece_end(std::size_t begin, std::size_t size, std::size_t count,
                      std::span<const TokenSpan> together) {
  std::size_t end = std::min(begin + size, count);
  for (const TokenSpan& span : together) {
    if (span.begin < static_cast<std::int64_t>(end) && static_cast<std::int64_t>(end) < span.end)
      end = std::min(static_cast<std::size_t>(span.end), count);
  }
  return end;
}

GenerationResult generate(Decoder& decoder, const std::vector<Prompt>& prompts,
                          const GenerationOptions& options) {
  check(options.sampling);
  check(options.rules, decoder.config().vocab_size);
  if (options.max_new_tokens < 1) throw UsageError("max_new_tokens: expected 1 or more");
  GenerationResult result;
  const std::int64_t context =
      context_length(decoder.config()).value_or(std::numeric_limits<std::int64_t>::max());
  std::vector<Sequence> sequences;
  Clock::time_point start = Clock::now();
  for (std::size_t k = 0; k < prompts.size(); ++k) {
    const std::vector<std::int64_t>& tokens = prompts[k].tokens;
    if (tokens.empty()) throw UsageError("the prompt has no tokens");
    decoder.require_length(static_cast<std::int64_t>(tokens.size()));
    Sequence& sequence = sequences.emplace_back(
        Sequence{{}, tokens, tokens.size(), prompts[k], SamplingRandom(options.seed + k), {}, false});
    const Matrix logits =
        run_anew(decoder, sequence, tokens.size(), Decoder::Logits::last, options.precision);
    Sequence* const one[]{&sequence};
    advance(sequence, k, next_tokens(decoder.backend(), logits, one, options).front(), context, options);
    result.timing.prompt_tokens += static_cast<std::int64_t>(tokens.size());
  }
  result.timing.prefill_seconds = seconds_since(start);

  start = Clock::now();
  for (;;) {
    std::vector<std::size_t> numbers;
    std::vector<Sequence*> active;
    std::vector<Decoder::Step> steps;
    for (std::size_t k = 0; k < sequences.size(); ++k) {
      Sequence& sequence = sequences[k];
      if (sequence.done) continue;
      if (decoder.restarts_at(static_cast<std::int64_t>(sequence.history.size())))
        run_anew(decoder, sequence, sequence.history.size() - 1, Decoder::Logits::none, options.precision);
      numbers.push_back(k);
      active.push_back(&sequence);
      steps.push_back({&sequence.cache, std::span(sequence.history).last(1), {}, {}, sequence.from.grids});
    }
    if (active.empty()) break;
    const Matrix logits = decoder.forward(steps, Decoder::Logits::last, options.precision);
    const auto tokens = next_tokens(decoder.backend(), logits, active, options);
    for (std::size_t row = 0; row < active.size(); ++row)
      advance(*active[row], numbers[row], tokens[row], context, options);
    result.timing.decoded_tokens += static_cast<std::int64_t>(active.size());
  }
  result.timing.decode_seconds = seconds_since(start);
  for (Sequence& sequence : sequences) result.sequences.push_back(std::move(sequence.result));
  return result;
}

GenerationResult generate(Decoder& decoder, const std::vector<std::vector<std::int64_t>>& prompts,
                          const GenerationOptions& options) {
  std::vector<Prompt> all;
  for (const std::vector<std::int64_t>& tokens : prompts) all.push_back({tokens});
  return generate(decoder, all, options);
}

}  // namespace mhub::runtime
