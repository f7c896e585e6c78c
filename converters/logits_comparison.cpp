// SPDX-License-Identifier: Apache-2.0
#include "logits_comparison.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "mhub/base/error.hpp"
#include "mhub/runtime/context_length.hpp"
#include "mhub/runtime/decoder.hpp"
#include "mhub/runtime/logits_stream.hpp"

namespace mhub::converters {
namespace {

constexpr std::int64_t kSampleTokens = 32;

std::vector<std::int64_t> sample_tokens(const TransformerConfig& config) {
  const std::int64_t count = std::min(kSampleTokens, runtime::context_length(config).value_or(kSampleTokens));
  std::mt19937_64 random(1);
  std::vector<std::int64_t> tokens;
  // std::uniform_int_distribution would differ between standard libraries.
  for (std::int64_t k = 0; k < count; ++k)
    tokens.push_back(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(config.vocab_size)));
  return tokens;
}

std::ptrdiff_t preferred(std::span<const float> row) {
  return std::distance(row.begin(), std::max_element(row.begin(), row.end()));
}

/// Takes the logits behind token `position` into the result.
void compare_rows(std::span<const float> left, std::span<const float> right, std::int64_t position,
                  LogitsComparison& result) {
  for (std::size_t k = 0; k < left.size(); ++k) {
    const double a = left[k], b = right[k];
    if (std::isfinite(a)) result.largest = std::max(result.largest, std::abs(a));
    const double apart = std::abs(a - b);
    const double difference = std::isfinite(apart) ? apart : std::numeric_limits<double>::infinity();
    if (difference <= result.difference) continue;
    result.difference = difference;
    result.position = position;
  }
  if (preferred(left) != preferred(right)) ++result.choices;
}

}  // namespace

LogitsComparison compare_logits(const Checkpoint& left, const Checkpoint& right,
                                std::vector<std::int64_t> tokens, runtime::Backend& backend,
                                const std::function<bool()>& cancelled) {
  for (const Checkpoint* side : {&left, &right}) {
    if (side->model == nullptr) throw InputError(side->unknown_model);
  }
  LogitsComparison result;
  result.vocabulary = left.transformer->vocab_size;
  if (const std::int64_t other = right.transformer->vocab_size; other != result.vocabulary) {
    throw InputError("the same tokens mean different things: " + left.path + " has a vocabulary of " +
                     std::to_string(result.vocabulary) + " tokens, " + right.path + " one of " +
                     std::to_string(other));
  }
  runtime::Decoder a(left, backend), b(right, backend);
  a.stop_when(cancelled);
  b.stop_when(cancelled);
  if (tokens.empty()) tokens = sample_tokens(a.config());
  result.tokens = static_cast<std::int64_t>(tokens.size());
  runtime::LogitsStream left_logits(a, {tokens}), right_logits(b, {tokens});
  const auto width = static_cast<std::size_t>(result.vocabulary);
  for (std::int64_t position = 0; position < result.tokens;) {
    const auto x = left_logits.next(), y = right_logits.next();
    for (std::size_t at = 0; at < x.size(); at += width)
      compare_rows(x.subspan(at, width), y.subspan(at, width), position++, result);
  }
  return result;
}

}  // namespace mhub::converters
