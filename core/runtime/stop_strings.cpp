// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/stop_strings.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace mhub::runtime {

StopStrings::StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
  std::erase(strings_, std::string());
}

std::string StopStrings::take(std::size_t count) {
  std::string shown;
  for (std::size_t k = 0; k < count; ++k)
    if (kinds_[k] == Text::shown) shown += held_[k];
  held_.erase(0, count);
  kinds_.erase(kinds_.begin(), kinds_.begin() + static_cast<std::ptrdiff_t>(count));
  return shown;
}

std::string StopStrings::put(std::string_view piece, Text text) {
  if (found_) return {};
  held_ += piece;
  kinds_.resize(held_.size(), text);
  std::size_t first = std::string::npos;
  for (const std::string& stop : strings_) first = std::min(first, held_.find(stop));
  if (first != std::string::npos) {
    found_ = true;
    return take(first);
  }
  // The longest end of the text that a stop string may begin with.
  std::size_t kept = 0;
  for (const std::string& stop : strings_) {
    for (std::size_t length = std::min(stop.size() - 1, held_.size()); length > kept; --length) {
      if (held_.ends_with(std::string_view(stop).substr(0, length))) kept = length;
    }
  }
  return take(held_.size() - kept);
}

std::string StopStrings::finish() { return found_ ? std::string() : take(held_.size()); }

}  // namespace mhub::runtime
