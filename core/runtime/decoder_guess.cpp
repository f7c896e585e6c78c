// SPDX-License-Identifier: Apache-2.0
// What the prediction block says of the token behind the next one.
#include "mhub/runtime/decoder.hpp"
#include "mhub/runtime/prediction_block.hpp"

namespace mhub::runtime {

const PredictionBlock& Decoder::prediction_block() {
  if (!prediction_) prediction_ = std::make_unique<PredictionBlock>(weights_, backend_, config_);
  return *prediction_;
}

Matrix Decoder::states() {
  ForwardPass pass{backend_, workspace_, Precision::exact, nullptr, nullptr, {}};
  return normalized(pass, final_norm_, "states", hidden_);
}

std::vector<std::int64_t> Decoder::guess(std::span<const Seen> seen, bool wanted, Precision precision) {
  const PredictionBlock& block = prediction_block();
  ForwardPass pass{backend_, workspace_, precision, nullptr, nullptr, {}};
  std::vector<std::int64_t> ids, positions;
  Angles angles;
  for (const Seen& tokens : seen) {
    SequenceCache& sequence = *tokens.sequence;
    if (!sequence.prediction) sequence.prediction = block.new_cache();
    const auto first = static_cast<std::int64_t>(ids.size()), begin = sequence.predicted;
    const auto count = static_cast<std::int64_t>(tokens.next.size());
    pass.segments.push_back({first, count, begin, &*sequence.prediction});
    ids.insert(ids.end(), tokens.next.begin(), tokens.next.end());
    for (std::int64_t k = 1; k <= count; ++k) positions.push_back(begin + k);
    append_angles(begin, count, begin + count, {}, angles);
    sequence.predicted += count;
  }
  set_angles(angles, pass);

  const auto rows = static_cast<std::int64_t>(ids.size());
  const Matrix embeddings = workspace_.matrix("prediction embeddings", rows, config_.hidden_size);
  const Matrix states = workspace_.matrix("prediction states", rows, config_.hidden_size);
  embed(ids, positions, embeddings);
  for (std::size_t s = 0; s < seen.size(); ++s)
    backend_.copy(seen[s].states, states.slice_rows(pass.segments[s].first_row, pass.segments[s].rows));
  const Matrix hidden = block.run(pass, embeddings, states);
  if (!wanted) return {};

  std::vector<std::int64_t> ends, guesses;
  for (const Segment& segment : pass.segments) ends.push_back(segment.first_row + segment.rows - 1);
  for (const RowEntry& entry : backend_.largest(logits_of(pass, picked(hidden, ends)), 1))
    guesses.push_back(entry.column);
  return guesses;
}

}  // namespace mhub::runtime
