#include "mhub/runtime/generation.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

#include "mhub/base/error.hpp"
#include "mhub/runtime/context_length.hpp"

namespace mhub::runtime {
namespace {

/// Prompts run through the model in pieces of this many tokens: long enough for the multiplications, short
/// enough that activations take little memory.
constexpr std::int64_t kPrefillTokens = 512;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Sequence {
  SequenceCache cache;
  std::vector<std::int64_t> history;
  SamplingRandom random;
  Generation result;
  bool done = false;
};

/// Chooses the next token of a sequence from its logits and decides whether it ends there; `context` is how
/// long it may become.
void advance(Sequence& sequence, std::size_t number, std::span<float> logits, std::int64_t context,
             const GenerationOptions& options) {
  const std::int64_t token = choose(logits, sequence.history, options.sampling, sequence.random);
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
  for (std::size_t begin = 0; begin < count; begin += kPrefillTokens) {
    const std::size_t size = std::min<std::size_t>(kPrefillTokens, count - begin);
    const Decoder::Step step{&sequence.cache, std::span(sequence.history).subspan(begin, size)};
    out = decoder.forward({&step, 1}, begin + size == count ? wanted : Decoder::Logits::none, precision);
  }
  return out;
}

}  // namespace

GenerationResult generate(Decoder& decoder, const std::vector<std::vector<std::int64_t>>& prompts,
                          const GenerationOptions& options) {
  check(options.sampling);
  if (options.max_new_tokens < 1) throw UsageError("max-new-tokens: expected 1 or more");
  GenerationResult result;
  const auto vocabulary = static_cast<std::size_t>(decoder.vocab_size());
  const std::int64_t context =
      context_length(decoder.config()).value_or(std::numeric_limits<std::int64_t>::max());
  std::vector<float> logits(vocabulary);
  std::vector<Sequence> sequences;
  Clock::time_point start = Clock::now();
  for (std::size_t k = 0; k < prompts.size(); ++k) {
    if (prompts[k].empty()) throw UsageError("the prompt has no tokens");
    decoder.require_length(static_cast<std::int64_t>(prompts[k].size()));
    Sequence& sequence =
        sequences.emplace_back(Sequence{{}, prompts[k], SamplingRandom(options.seed + k), {}, false});
    decoder.backend().read(
        run_anew(decoder, sequence, prompts[k].size(), Decoder::Logits::last, options.precision), logits);
    advance(sequence, k, logits, context, options);
    result.timing.prompt_tokens += static_cast<std::int64_t>(prompts[k].size());
  }
  result.timing.prefill_seconds = seconds_since(start);

  start = Clock::now();
  for (;;) {
    std::vector<std::size_t> active;
    std::vector<Decoder::Step> steps;
    for (std::size_t k = 0; k < sequences.size(); ++k) {
      Sequence& sequence = sequences[k];
      if (sequence.done) continue;
      if (decoder.restarts_at(static_cast<std::int64_t>(sequence.history.size())))
        run_anew(decoder, sequence, sequence.history.size() - 1, Decoder::Logits::none, options.precision);
      active.push_back(k);
      steps.push_back({&sequence.cache, std::span(sequence.history).last(1)});
    }
    if (active.empty()) break;
    logits.resize(vocabulary * active.size());
    decoder.backend().read(decoder.forward(steps, Decoder::Logits::last, options.precision), logits);
    for (std::size_t row = 0; row < active.size(); ++row) {
      advance(sequences[active[row]], active[row], std::span(logits).subspan(row * vocabulary, vocabulary),
              context, options);
    }
    result.timing.decoded_tokens += static_cast<std::int64_t>(active.size());
  }
  result.timing.decode_seconds = seconds_since(start);
  for (Sequence& sequence : sequences) result.sequences.push_back(std::move(sequence.result));
  return result;
}

}  // namespace mhub::runtime
