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
  std::size_t number;
  SequenceCache cache;
  std::vector<std::int64_t> history;
  std::size_t prompt;  ///< so many of history
  const Prompt& from;
  SamplingRandom random;
  bool guesses;                       ///< what comes next but one is guessed
  std::int64_t guessed = 0, hit = 0;  ///< guesses so far, and those that came true
  std::vector<std::int64_t> next;     ///< what runs next: the last token, and a guess
  Generation result = {};
  bool done = false;
};

/// Chooses tokens from rows of logits, of which no more is read than decides.
class Chooser {
 public:
  Chooser(Backend& backend, Matrix logits, const GenerationOptions& options)
      : backend_(backend), logits_(logits), options_(options) {
    const std::int64_t needed = options.rules.any() ? 0 : logits_needed(options.sampling);
    count_ = static_cast<std::size_t>(std::min(needed, logits.columns));
    if (count_ > 0) largest_ = backend.largest(logits, static_cast<std::int64_t>(count_));
  }

  std::int64_t next(std::size_t row, Sequence& sequence) {
    if (count_ > 0) {
      const auto entries = std::span(largest_).subspan(row * count_, count_);
      if (const auto token = choose(entries, options_.sampling, sequence.random)) return *token;
    }
    const auto columns = static_cast<std::size_t>(logits_.columns);
    if (values_.empty()) {
      values_.resize(static_cast<std::size_t>(logits_.rows) * columns);
      backend_.read(logits_, values_);
    }
    const auto values = std::span(values_).subspan(row * columns, columns);
    const auto longest = static_cast<std::int64_t>(sequence.prompt) + options_.max_new_tokens;
    apply(options_.rules, values, {sequence.history, sequence.prompt, longest, options_.eos_token_ids});
    return choose(values, options_.sampling, sequence.random);
  }

 private:
  Backend& backend_;
  Matrix logits_;
  const GenerationOptions& options_;
  std::size_t count_ = 0;
  std::vector<RowEntry> largest_;
  std::vector<float> values_;
};

/// Appends a token to a sequence and decides whether it ends there; `context` is how long it may become.
void advance(Sequence& sequence, std::int64_t token, std::int64_t context, const GenerationOptions& options) {
  sequence.history.push_back(token);
  sequence.result.tokens.push_back(token);
  const bool stop = options.on_token && options.on_token(sequence.number, token);
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

/// Continues all prompts; see `generate`.
class Generator {
 public:
  Generator(Decoder& decoder, const GenerationOptions& options, std::size_t prompts)
      : decoder_(decoder),
        options_(options),
        context_(context_length(decoder.config()).value_or(std::numeric_limits<std::int64_t>::max())) {
    sequences_.reserve(prompts);  // what runs next points into them
  }

  void begin(const Prompt& prompt) {
    const std::vector<std::int64_t>& tokens = prompt.tokens;
    if (tokens.empty()) throw UsageError("the prompt has no tokens");
    decoder_.require_length(static_cast<std::int64_t>(tokens.size()));
    const std::size_t number = sequences_.size();
    Sequence& sequence = sequences_.emplace_back(Sequence{number,
                                                          {},
                                                          tokens,
                                                          tokens.size(),
                                                          prompt,
                                                          SamplingRandom(options_.seed + number),
                                                          may_guess(prompt),
                                                          0,
                                                          0,
                                                          {}});
    const Matrix logits = run_anew(sequence, tokens.size(), Decoder::Logits::last);
    advance(sequence, Chooser(decoder_.backend(), logits, options_).next(0, sequence), context_, options_);
    timing.prompt_tokens += static_cast<std::int64_t>(tokens.size());
    const Matrix states = sequence.guesses ? decoder_.states() : Matrix{};
    guess_next({{&sequence, states}});
  }

  /// The next tokens of all sequences; false when there is none to continue.
  bool step() {
    std::vector<Sequence*> active;
    std::vector<Decoder::Step> steps;
    for (Sequence& sequence : sequences_) {
      if (sequence.done) continue;
      if (decoder_.restarts_at(static_cast<std::int64_t>(sequence.history.size())))
        run_anew(sequence, sequence.history.size() - 1, Decoder::Logits::none);
      active.push_back(&sequence);
      steps.push_back({&sequence.cache,
                       sequence.next,
                       {},
                       {},
                       sequence.from.grids,
                       static_cast<std::int64_t>(sequence.next.size()) - 1});
    }
    if (active.empty()) return false;
    const Matrix logits = decoder_.forward(steps, Decoder::Logits::all, options_.precision);
    ++timing.decode_passes;
    take(active, logits);
    return true;
  }

  std::vector<Sequence>& sequences() { return sequences_; }

  GenerationTiming timing;

 private:
  /// A sequence and the model's output for those of its last tokens that stay.
  struct Kept {
    Sequence* sequence;
    Matrix states;
  };

  bool may_guess(const Prompt& prompt) const {
    const bool text = prompt.features.empty() && prompt.grids.empty();
    if (options_.use_mtp.value_or(false) && !text)
      throw UsageError("use_mtp: tokens behind pictures are not guessed; leave it out");
    return options_.use_mtp.value_or(true) && decoder_.can_guess() && text;
  }

  /// Runs the first `count` tokens of a sequence that starts; the result is the logits behind them if wanted.
  Matrix run_anew(Sequence& sequence, std::size_t count, Decoder::Logits wanted) {
    sequence.cache = decoder_.new_sequence();
    sequence.cache.expected_length = static_cast<std::int64_t>(sequence.history.size());
    const std::span<const std::int64_t> all = sequence.history;
    Matrix out;
    for (std::size_t begin = 0, end = 0; begin < count; begin = end) {
      end = piece_end(begin, kPrefillTokens, count, sequence.from.together);
      const Decoder::Step step{&sequence.cache, all.subspan(begin, end - begin), sequence.from.features,
                               sequence.from.together, sequence.from.grids};
      out = decoder_.forward({&step, 1}, end == count ? wanted : Decoder::Logits::none, options_.precision);
      if (end == count || !sequence.guesses) continue;
      const Decoder::Seen seen{&sequence.cache, decoder_.states(), all.subspan(begin + 1, end - begin)};
      decoder_.guess({&seen, 1}, false, options_.precision);
    }
    return out;
  }

  /// Chooses from the logits of the tokens that have run, and takes back wrong guesses.
  void take(const std::vector<Sequence*>& active, Matrix logits) {
    Chooser chooser(decoder_.backend(), logits, options_);
    std::vector<std::pair<Sequence*, std::int64_t>> first_rows;
    std::int64_t row = 0;
    for (Sequence* sequence : active) {
      const auto ran = static_cast<std::int64_t>(sequence->next.size());
      const std::int64_t token = chooser.next(static_cast<std::size_t>(row), *sequence);
      advance(*sequence, token, context_, options_);
      ++timing.decoded_tokens;
      if (ran > 1) settle_guess(*sequence, token, chooser, static_cast<std::size_t>(row + 1));
      first_rows.emplace_back(sequence, row);
      row += ran;
    }
    const bool any =
        std::any_of(active.begin(), active.end(), [](const Sequence* one) { return one->guesses; });
    const Matrix states = any ? decoder_.states() : Matrix{};
    std::vector<Kept> kept;
    for (const auto& [sequence, first] : first_rows) {
      const std::int64_t rows = sequence->cache.length - sequence->cache.predicted;
      kept.push_back({sequence, sequence->guesses ? states.slice_rows(first, rows) : Matrix{}});
    }
    guess_next(kept);
  }

  /// The guess ran behind the last token: it is `token`, and its row gives another one, or it is taken back.
  void settle_guess(Sequence& sequence, std::int64_t token, Chooser& chooser, std::size_t row) {
    ++sequence.guessed;
    ++timing.guessed_tokens;
    if (sequence.next.back() != token) return decoder_.take_back(sequence.cache, 1);
    ++sequence.hit;
    ++timing.accepted_tokens;
    if (sequence.done) return;
    advance(sequence, chooser.next(row, sequence), context_, options_);
    ++timing.decoded_tokens;
  }

  /// Sets what runs next: each sequence's last token and, where that pays, what comes behind it by guess.
  void guess_next(const std::vector<Kept>& kept) {
    std::vector<Decoder::Seen> seen;
    std::vector<Sequence*> guessing;
    for (const auto& [sequence, states] : kept) {
      sequence->next.clear();
      sequence->guesses = sequence->guesses && pays(*sequence);
      if (sequence->done) continue;
      sequence->next.push_back(sequence->history.back());
      if (!sequence->guesses) continue;
      const auto rows = static_cast<std::size_t>(states.rows);
      seen.push_back({&sequence->cache, states, std::span(sequence->history).last(rows)});
      guessing.push_back(sequence);
    }
    if (seen.empty()) return;
    const std::vector<std::int64_t> guesses = decoder_.guess(seen, true, options_.precision);
    for (std::size_t k = 0; k < guessing.size(); ++k) guessing[k]->next.push_back(guesses[k]);
  }

  /// Whether a guess can save a pass of a sequence, and is likely to: a guess costs a layer and the output
  /// layer, and where it is wrong the pass's second row.
  bool pays(const Sequence& sequence) const {
    constexpr std::int64_t kTrial = 16, kWorthwhile = 4;
    const auto generated = static_cast<std::int64_t>(sequence.result.tokens.size());
    const bool room = generated + 2 <= options_.max_new_tokens &&
                      static_cast<std::int64_t>(sequence.history.size()) < context_;
    const bool poor = sequence.guessed >= kTrial && sequence.hit * kWorthwhile < sequence.guessed;
    return !sequence.done && room && (!poor || options_.use_mtp.value_or(false));
  }

  Decoder& decoder_;
  const GenerationOptions& options_;
  std::int64_t context_;
  std::vector<Sequence> sequences_;
};

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
  if (options.use_mtp.value_or(false) && !decoder.can_guess())
    throw UsageError(
        "use_mtp: the checkpoint has no prediction block, or the model has layers that sum tokens up in a "
        "state or positions that depend on the length, where tokens cannot be taken back; leave it out");
  GenerationResult result;
  Generator generator(decoder, options, prompts.size());
  Clock::time_point start = Clock::now();
  for (const Prompt& prompt : prompts) generator.begin(prompt);
  generator.timing.prefill_seconds = seconds_since(start);
  start = Clock::now();
  while (generator.step()) {
  }
  generator.timing.decode_seconds = seconds_since(start);
  result.timing = generator.timing;
  for (Sequence& sequence : generator.sequences()) result.sequences.push_back(std::move(sequence.result));
  return result;
}

GenerationResult generate(Decoder& decoder, const std::vector<std::vector<std::int64_t>>& prompts,
                          const GenerationOptions& options) {
  std::vector<Prompt> all;
  for (const std::vector<std::int64_t>& tokens : prompts) all.push_back({tokens});
  return generate(decoder, all, options);
}

}  // namespace mhub::runtime
