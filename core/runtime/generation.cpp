#include "mhub/runtime/generation.hpp"

#include <algorithm>
#include <chrono>

#include "mhub/base/error.hpp"

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

/// Chooses the next token of a sequence from its logits and decides whether it ends there.
void advance(Sequence& sequence, std::size_t number, std::span<float> logits,
             const GenerationOptions& options) {
  const std::int64_t token = choose(logits, sequence.history, options.sampling, sequence.random);
  sequence.history.push_back(token);
  sequence.result.tokens.push_back(token);
  const bool stop = options.on_token && options.on_token(number, token);
  const bool eos = std::find(options.eos_token_ids.begin(), options.eos_token_ids.end(), token) !=
                   options.eos_token_ids.end();
  const bool full = static_cast<std::int64_t>(sequence.result.tokens.size()) >= options.max_new_tokens;
  if (eos) {
    sequence.result.finish = Generation::Finish::eos;
  } else if (stop) {
    sequence.result.finish = Generation::Finish::stop;
  }
  sequence.done = eos || stop || full;
}

/// Runs a prompt; leaves the logits behind its last token in `logits`.
void prefill(Decoder& decoder, Sequence& sequence, Precision precision, std::span<float> logits) {
  const std::span<const std::int64_t> prompt(sequence.history);
  for (std::size_t begin = 0; begin < prompt.size(); begin += kPrefillTokens) {
    const std::size_t count = std::min<std::size_t>(kPrefillTokens, prompt.size() - begin);
    const bool last = begin + count == prompt.size();
    const Decoder::Step step{&sequence.cache, prompt.subspan(begin, count)};
    const Matrix out =
        decoder.forward({&step, 1}, last ? Decoder::Logits::last : Decoder::Logits::none, precision);
    if (last) decoder.backend().read(out, logits);
  }
}

}  // namespace

GenerationResult generate(Decoder& decoder, const std::vector<std::vector<std::int64_t>>& prompts,
                          const GenerationOptions& options) {
  check(options.sampling);
  if (options.max_new_tokens < 1) throw UsageError("max-new-tokens: expected 1 or more");
  GenerationResult result;
  const auto vocabulary = static_cast<std::size_t>(decoder.vocab_size());
  std::vector<float> logits(vocabulary);
  std::vector<Sequence> sequences;
  Clock::time_point start = Clock::now();
  for (std::size_t k = 0; k < prompts.size(); ++k) {
    sequences.push_back({decoder.new_sequence(), prompts[k], SamplingRandom(options.seed + k), {}, false});
    if (prompts[k].empty()) throw UsageError("the prompt has no tokens");
    prefill(decoder, sequences[k], options.precision, logits);
    advance(sequences[k], k, logits, options);
    result.timing.prompt_tokens += static_cast<std::int64_t>(prompts[k].size());
  }
  result.timing.prefill_seconds = seconds_since(start);

  start = Clock::now();
  for (;;) {
    std::vector<std::size_t> active;
    std::vector<Decoder::Step> steps;
    for (std::size_t k = 0; k < sequences.size(); ++k) {
      if (sequences[k].done) continue;
      active.push_back(k);
      steps.push_back({&sequences[k].cache, std::span(sequences[k].history).last(1)});
    }
    if (active.empty()) break;
    logits.resize(vocabulary * active.size());
    decoder.backend().read(decoder.forward(steps, Decoder::Logits::last, options.precision), logits);
    for (std::size_t row = 0; row < active.size(); ++row) {
      advance(sequences[active[row]], active[row], std::span(logits).subspan(row * vocabulary, vocabulary),
              options);
    }
    result.timing.decoded_tokens += static_cast<std::int64_t>(active.size());
  }
  result.timing.decode_seconds = seconds_since(start);
  for (Sequence& sequence : sequences) result.sequences.push_back(std::move(sequence.result));
  return result;
}

}  // namespace mhub::runtime
