// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/logits_stream.hpp"

namespace mhub::runtime {
namespace {

constexpr std::size_t kTokens = 128;

}  // namespace

LogitsStream::LogitsStream(Decoder& decoder, Prompt prompt)
    : decoder_(decoder), prompt_(std::move(prompt)), sequence_(decoder.new_sequence()) {
  const auto length = static_cast<std::int64_t>(prompt_.tokens.size());
  decoder.require_length(length);
  sequence_.expected_length = length;
}

std::span<const float> LogitsStream::next() {
  const std::size_t count = prompt_.tokens.size();
  if (begin_ == count) return {};
  const std::size_t end = piece_end(begin_, kTokens, count, prompt_.together);
  const Decoder::Step step{&sequence_, std::span(prompt_.tokens).subspan(begin_, end - begin_),
                           prompt_.features, prompt_.together, prompt_.grids};
  const Matrix logits = decoder_.forward({&step, 1}, Decoder::Logits::all);
  begin_ = end;
  values_.resize(static_cast<std::size_t>(logits.rows * logits.columns));
  decoder_.backend().read(logits, values_);
  return values_;
}

}  // namespace mhub::runtime
