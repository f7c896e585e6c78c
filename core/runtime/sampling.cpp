// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <sstream>
#include <string>

#include "mhub/base/error.hpp"
#include "mhub/runtime/largest.hpp"

namespace mhub::runtime {
namespace {

/// Probabilities from logits that `list` holds in its probability fields, most likely first.
void softmax(std::vector<Candidate>& list) {
  const double largest = list.front().probability;
  if (largest == -std::numeric_limits<double>::infinity())
    throw InputError("no token is left to draw from: the generation config forbids them all");
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

bool likelier(const Candidate& a, const Candidate& b) {
  return a.probability != b.probability ? a.probability > b.probability : a.token < b.token;
}

/// The `count` likeliest in order, and those that tie with the last of them: torch.topk's last value is the
/// bound of transformers' TopKLogitsWarper.
void keep_likeliest(std::vector<Candidate>& list, std::size_t count) {
  const auto end = list.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(list.begin(), end, list.end(), likelier);
  const double last = list[count - 1].probability;
  const auto ties =
      std::partition(end, list.end(), [&](const Candidate& one) { return one.probability == last; });
  std::sort(end, ties, likelier);
  list.erase(ties, list.end());
}

/// The distribution over some entries of the logits that the filters leave, most likely token first.
std::vector<Candidate> distribution(std::span<const RowEntry> entries, const SamplingOptions& options) {
  std::vector<Candidate> list;
  for (const RowEntry& entry : entries)
    list.push_back({entry.column, static_cast<double>(entry.value) / options.temperature});
  keep_likeliest(
      list, options.top_k > 0 ? std::min(list.size(), static_cast<std::size_t>(options.top_k)) : list.size());
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
    if (condition) return;
    std::ostringstream text;
    text << name << ' ' << value << ": expected " << expected;
    throw UsageError(text.str());
  };
  if (!options.do_sample) return;
  require(options.temperature > 0 && options.temperature < 1e6, "temperature", options.temperature,
          "a number greater than 0, or 0 without do_sample");
  require(options.top_k >= 0, "top_k", static_cast<double>(options.top_k), "a number of at least 0");
  require(options.top_p > 0 && options.top_p <= 1, "top_p", options.top_p, "a number in (0, 1]");
  require(options.min_p >= 0 && options.min_p <= 1, "min_p", options.min_p, "a number in [0, 1]");
}

std::vector<Candidate> candidates(std::span<const float> logits, const SamplingOptions& options) {
  std::vector<RowEntry> entries;
  for (const float logit : logits)
    entries.push_back(RowEntry::of(logit, static_cast<std::int32_t>(entries.size())));
  return distribution(entries, options);
}

std::int64_t logits_needed(const SamplingOptions& options) {
  // One more than are kept shows whether that one ties with the last.
  return !options.do_sample ? 1 : options.top_k > 0 ? options.top_k + 1 : 0;
}

std::optional<std::int64_t> choose(std::span<const RowEntry> largest, const SamplingOptions& options,
                                   SamplingRandom& random) {
  if (!options.do_sample) return largest.front().column;
  const auto k = static_cast<std::size_t>(options.top_k);
  if (k < largest.size() && largest[k].value == largest[k - 1].value) return std::nullopt;
  return draw(distribution(largest.first(std::min(k, largest.size())), options), random);
}

std::int64_t choose(std::span<const float> logits, const SamplingOptions& options, SamplingRandom& random) {
  if (options.do_sample) return draw(candidates(logits, options), random);
  std::vector<RowEntry> best;
  append_largest(logits, 1, best);
  return best.front().column;
}

}  // namespace mhub::runtime
