// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/walk_choice.hpp"

#include <algorithm>
#include <limits>

namespace mhub::runtime {
namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::size_t WalkChoice::Trials::tried() const {
  std::size_t count = 0;
  for (const std::vector<double>& one : times) count += one.size();
  return count;
}

void WalkChoice::Trials::choose() {
  double shortest = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < times.size(); ++k) {
    const double typical = median(times[k]);
    if (typical < shortest) best = static_cast<Kernels::Walk>(k);
    shortest = std::min(shortest, typical);
  }
}

Kernels::Walk WalkChoice::next(const Product& product) {
  Trials& trials = products_[product];
  if (++trials.uses > trials.next_trials) {
    trials.next_trials *= 8;
    for (std::vector<double>& one : trials.times) one.clear();
  }
  if (!trials.trying()) return trials.best;
  // Each round begins with another walk: the weights of a layer come in rounds too, and differ in size.
  const std::size_t tried = trials.tried(), round = tried / Kernels::kWalks;
  return static_cast<Kernels::Walk>((tried + round) % Kernels::kWalks);
}

void WalkChoice::took(const Product& product, Kernels::Walk walk, double seconds, std::int64_t bytes) {
  Trials& trials = products_[product];
  if (!trials.trying()) return;
  trials.times[static_cast<std::size_t>(walk)].push_back(seconds / static_cast<double>(bytes));
  if (!trials.trying()) trials.choose();
}

}  // namespace mhub::runtime
