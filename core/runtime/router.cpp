// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/router.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace mhub::runtime {
namespace {

std::vector<float> softmax(std::vector<float> values) {
  const float largest = *std::max_element(values.begin(), values.end());
  float sum = 0;
  for (float& value : values) sum += value = std::exp(value - largest);
  for (float& value : values) value /= sum;
  return values;
}

/// Positions of the `count` largest values, largest first, the first of equals first.
std::vector<std::size_t> largest(std::span<const float> values, std::size_t count) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(count, order.size()));
  std::partial_sort(order.begin(), end, order.end(), [&](std::size_t a, std::size_t b) {
    return values[a] != values[b] ? values[a] > values[b] : a < b;
  });
  order.erase(end, order.end());
  return order;
}

/// Scores with those outside the best groups removed; a group is as good as the sum of its best experts.
std::vector<float> within_groups(std::vector<float> scores, const MoeConfig& moe) {
  const auto groups = static_cast<std::size_t>(moe.router_num_groups);
  const auto kept = static_cast<std::size_t>(moe.router_group_topk);
  const std::size_t size = scores.size() / groups;
  const auto best = static_cast<std::size_t>(moe.router_group_score_topk);
  std::vector<float> group_scores(groups);
  for (std::size_t g = 0; g < groups; ++g) {
    const std::span<const float> group = std::span(scores).subspan(g * size, size);
    for (const std::size_t k : largest(group, best)) group_scores[g] += group[k];
  }
  std::vector<float> limited(scores.size(), -std::numeric_limits<float>::infinity());
  for (const std::size_t g : largest(group_scores, kept))
    std::copy_n(scores.begin() + static_cast<std::ptrdiff_t>(g * size), size,
                limited.begin() + static_cast<std::ptrdiff_t>(g * size));
  return limited;
}

}  // namespace

std::vector<Choice> route(const MoeConfig& moe, std::span<const float> logits,
                          std::span<const float> correction) {
  std::vector<float> scores(logits.begin(), logits.end());
  const bool sigmoid = moe.router_score_function == RouterScore::sigmoid;
  const bool corrected = !sigmoid && !moe.router_pre_softmax && !correction.empty();
  if (sigmoid) {
    for (float& score : scores) score = 1.0F / (1.0F + std::exp(-score));
  } else if (moe.router_pre_softmax || corrected) {
    scores = softmax(std::move(scores));
  }
  std::vector<float> ranking = scores;
  for (std::size_t k = 0; k < correction.size(); ++k) ranking[k] += correction[k];
  if (moe.router_num_groups > 0) ranking = within_groups(std::move(ranking), moe);
  const std::vector<std::size_t> chosen = largest(ranking, static_cast<std::size_t>(moe.router_topk));

  std::vector<float> weights;
  for (const std::size_t k : chosen) weights.push_back(scores[k]);
  if (corrected || (sigmoid && chosen.size() > 1)) {
    const float sum = std::accumulate(weights.begin(), weights.end(), 0.0F) + 1e-20F;
    for (float& weight : weights) weight /= sum;
  } else if (!sigmoid && !moe.router_pre_softmax) {
    weights = softmax(std::move(weights));
  }
  std::vector<Choice> choices;
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    choices.push_back({static_cast<std::int64_t>(chosen[k]),
                       weights[k] * static_cast<float>(moe.router_topk_scaling_factor)});
  }
  return choices;
}

}  // namespace mhub::runtime
