// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/logits_stream.hpp"

#include <algorithm>

namespace mhub::runtime {
namespace {

constexpr std::size_t kTokens = 128;

}  // namespace

LogitsStream::LogitsStream(Decoder& decoder, std::span<const std::int64_t> tokens,
                           std::vector<Decoder::Features> features)
    : decoder_(decoder), rest_(tokens), features_(std::move(features)), sequence_(decoder.new_sequence()) {
  const auto length = static_cast<std::int64_t>(tokens.size());
  decoder.require_length(length);
  sequence_.expected_length = length;
}

std::span<const float> LogitsStream::next() {
  if (rest_.empty()) return {};
  const std::size_t count = std::min(kTokens, rest_.size());
  const Decoder::Step step{&sequence_, rest_.first(count), features_};
  const Matrix logits = decoder_.forward({&step, 1}, Decoder::Logits::all);
  rest_ = rest_.subspan(count);
  values_.resize(static_cast<std::size_t>(logits.rows * logits.columns));
  decoder_.backend().read(logits, values_);
  return values_;
}

}  // namespace mhub::runtime
