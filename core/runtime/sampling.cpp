// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "mhub/base/error.hpp"
#include "mhub/runtime/largest.hpp"

namespace mhub::runtime {
namespace {

/// Divides positive and multiplies negative logits of tokens that have occurred, each once.
void penalize(std::span<float> logits, std::span<const std::int64_t> history, double penalty) {
  std::vector<std::int64_t> seen(history.begin(), history.end());
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  const auto factor = static_cast<float>(penalty);
  for (const std::int64_t token : seen) {
    float& logit = logits[static_cast<std::size_t>(token)];
    logit = logit < 0 ? logit * factor : logit / factor;
  }
}

/// Probabilities from logits that `list` holds in its probability fields, most likely first.
void softmax(std::vector<Candidate>& list) {
  const double largest = list.front().probability;
  double sum = 0;
  for (Candidate& one : list) sum += one.probability = std::exp(one.probability - largest);
  for (Candidate& one : list) one.probability /= sum;
}

void keep(std::vector<Candidate>& list, std::size_t count) {
  list.resize(std::max<std::size_t>(1, std::min(count, list.size())));
  const double sum = std::accumulate(list.begin(), list.end(), 0.0,
                                     [](double s, const Candidate& one) { return s + one.probability; });
  for (Candidate& one : list) one.probability /= sum;
}

/// The distribution over some entries of the logits that the filters leave, most likely token first.
std::vector<Candidate> distribution(std::span<const RowEntry> entries, const SamplingOptions& options) {
  std::vector<Candidate> list;
  for (const RowEntry& entry : entries)
    list.push_back({entry.column, static_cast<double>(entry.value) / options.temperature});
  auto likelier = [](const Candidate& a, const Candidate& b) {
    return a.probability != b.probability ? a.probability > b.probability : a.token < b.token;
  };
  const std::size_t count =
      options.top_k > 0 ? std::min(list.size(), static_cast<std::size_t>(options.top_k)) : list.size();
  std::partial_sort(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(count), list.end(), likelier);
  list.resize(count);
  softmax(list);
  if (options.top_p < 1.0) {
    // The smallest set whose probability reaches top_p.
    double before = 0;
    std::size_t kept = 0;
    while (kept < list.size() && before < options.top_p) before += list[kept++].probability;
    keep(list, kept);
  }
  if (options.min_p > 0) {
    const double least = options.min_p * list.front().probability;
    const auto end = std::partition_point(list.begin(), list.end(),
                                          [&](const Candidate& one) { return one.probability >= least; });
    keep(list, static_cast<std::size_t>(end - list.begin()));
  }
  return list;
}

std::int64_t draw(const std::vector<Candidate>& list, SamplingRandom& random) {
  double left = random.uniform();
  for (const Candidate& one : list) {
    left -= one.probability;
    if (left < 0) return one.token;
  }
  return list.back().token;
}

}  // namespace

void check(const SamplingOptions& options) {
  auto require = [](bool condition, const std::string& name, double value, const std::string& expected) {
    if (!condition) throw UsageError(name + " " + std::to_string(value) + ": expected " + expected);
  };
  require(!options.do_sample || (options.temperature > 0 && options.temperature < 1e6), "temperature",
          options.temperature, "a number of at least 0");
  require(options.top_k >= 0, "top-k", static_cast<double>(options.top_k), "a number of at least 0");
  require(options.top_p > 0 && options.top_p <= 1, "top-p", options.top_p, "a number in (0, 1]");
  require(options.min_p >= 0 && options.min_p <= 1, "min-p", options.min_p, "a number in [0, 1]");
  require(options.repetition_penalty > 0 && options.repetition_penalty < 1e6, "repetition-penalty",
          options.repetition_penalty, "a number greater than 0");
}

std::vector<Candidate> candidates(std::span<float> logits, std::span<const std::int64_t> history,
                                  const SamplingOptions& options) {
  if (options.repetition_penalty != 1.0) penalize(logits, history, options.repetition_penalty);
  std::vector<RowEntry> entries;
  for (const float logit : logits)
    entries.push_back(RowEntry::of(logit, static_cast<std::int32_t>(entries.size())));
  return distribution(entries, options);
}

std::int64_t logits_needed(const SamplingOptions& options) {
  if (options.repetition_penalty != 1.0) return 0;
  return options.do_sample ? options.top_k : 1;
}

std::int64_t choose(std::span<const RowEntry> largest, const SamplingOptions& options,
                    SamplingRandom& random) {
  return options.do_sample ? draw(distribution(largest, options), random) : largest.front().column;
}

std::int64_t choose(std::span<float> logits, std::span<const std::int64_t> history,
                    const SamplingOptions& options, SamplingRandom& random) {
  if (options.do_sample) return draw(candidates(logits, history, options), random);
  if (options.repetition_penalty != 1.0) penalize(logits, history, options.repetition_penalty);
  std::vector<RowEntry> best;
  append_largest(logits, 1, best);
  return best.front().column;
}

}  // namespace mhub::runtime
