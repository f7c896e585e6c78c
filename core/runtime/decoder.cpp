#include "mhub/runtime/decoder.hpp"

#include <numeric>

#include "mhub/base/error.hpp"
#include "mhub/base/interrupt.hpp"
#include "mhub/runtime/support.hpp"

namespace mhub::runtime {

Decoder::Decoder(const Checkpoint& checkpoint, Backend& backend) : backend_(backend), workspace_(backend) {
  Weights weights(checkpoint);
  config_ = *checkpoint.transformer;
  require_supported(config_, checkpoint.path);
  word_embeddings_ = backend.place(
      weights.matrix("embedding.word_embeddings.weight", config_.vocab_size, config_.hidden_size),
      config_.share_embeddings_and_output_weights ? Rows::all : Rows::some);
  if (config_.position_embedding_type == "learned_absolute") {
    position_embeddings_ = backend.place(weights.matrix("embedding.position_embeddings.weight",
                                                        config_.max_position_embeddings, config_.hidden_size),
                                         Rows::some);
  } else if (config_.position_embedding_type == "rope") {
    rotary_.emplace(config_);
  }
  for (std::int64_t i = 0; i < config_.num_layers; ++i) {
    const std::string prefix = "decoder.layers." + std::to_string(i) + ".";
    layers_.push_back(
        {AttentionLayer(weights, backend, config_, prefix), MlpLayer(weights, backend, config_, prefix)});
  }
  final_norm_ = load_norm(weights, config_, "decoder.final_layernorm.", config_.hidden_size);
  output_ = config_.share_embeddings_and_output_weights
                ? Linear{word_embeddings_, weights.optional_vector("output_layer.bias", config_.vocab_size)}
                : Linear::load(weights, backend, "output_layer", config_.vocab_size, config_.hidden_size);
  weights.require_all_used();
  gathered_bytes_ = weights.gathered_bytes();
}

SequenceCache Decoder::new_sequence() const {
  SequenceCache sequence;
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    sequence.layers.emplace_back(config_.num_query_groups, config_.kv_channels, config_.kv_channels,
                                 [this](std::int64_t floats) { return backend_.allocate(floats); });
  }
  return sequence;
}

void Decoder::check(std::span<const Step> steps) const {
  if (steps.empty()) throw UsageError("nothing to run: no sequence");
  for (const Step& step : steps) {
    if (step.tokens.empty()) throw UsageError("nothing to run: a sequence has no tokens");
    for (const std::int64_t id : step.tokens) {
      if (id < 0 || id >= config_.vocab_size) {
        throw UsageError("token " + std::to_string(id) + " is outside the vocabulary of " +
                         std::to_string(config_.vocab_size) + " tokens");
      }
    }
    const std::int64_t length = step.sequence->length + static_cast<std::int64_t>(step.tokens.size());
    if (!position_embeddings_.blocks.empty() && length > config_.max_position_embeddings) {
      throw UsageError("a sequence of " + std::to_string(length) + " tokens is longer than the model's " +
                       std::to_string(config_.max_position_embeddings) + " learned positions");
    }
  }
}

void Decoder::embed(std::span<const std::int64_t> ids, std::span<const std::int64_t> positions,
                    Matrix hidden) {
  backend_.embed(word_embeddings_, ids, false, hidden);
  if (!position_embeddings_.blocks.empty()) backend_.embed(position_embeddings_, positions, true, hidden);
}

Matrix Decoder::forward(std::span<const Step> steps, Logits wanted, Precision precision) {
  check(steps);
  std::vector<std::int64_t> ids, positions;
  ForwardPass pass{backend_, workspace_, precision, nullptr, {}};
  RotaryAngles angles;
  for (const Step& step : steps) {
    const auto first = static_cast<std::int64_t>(ids.size());
    const auto count = static_cast<std::int64_t>(step.tokens.size());
    pass.segments.push_back({first, count, step.sequence->length, nullptr});
    ids.insert(ids.end(), step.tokens.begin(), step.tokens.end());
    positions.resize(ids.size());
    std::iota(positions.begin() + first, positions.end(), step.sequence->length);
    if (rotary_) rotary_->append(step.sequence->length, count, angles);
  }
  if (rotary_) pass.angles = &angles;

  const Matrix hidden =
      workspace_.matrix("hidden", static_cast<std::int64_t>(ids.size()), config_.hidden_size);
  embed(ids, positions, hidden);
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    throw_if_interrupted();
    for (std::size_t s = 0; s < steps.size(); ++s) pass.segments[s].cache = &steps[s].sequence->layers[k];
    layers_[k].attention.run(pass, hidden);
    layers_[k].mlp.run(pass, hidden);
  }
  for (const Step& step : steps) step.sequence->length += static_cast<std::int64_t>(step.tokens.size());
  return head(steps, wanted, precision, hidden);
}

Matrix Decoder::head(std::span<const Step> steps, Logits wanted, Precision precision, Matrix hidden) {
  if (wanted == Logits::none) return {};
  Matrix rows = hidden;
  if (wanted == Logits::last) {
    rows = workspace_.matrix("last", static_cast<std::int64_t>(steps.size()), hidden.columns);
    std::int64_t end = 0;
    for (std::size_t s = 0; s < steps.size(); ++s) {
      end += static_cast<std::int64_t>(steps[s].tokens.size());
      backend_.copy(hidden.slice_rows(end - 1, 1), rows.slice_rows(static_cast<std::int64_t>(s), 1));
    }
  }
  const Matrix normed = workspace_.matrix("normed", rows.rows, rows.columns);
  const Matrix logits = workspace_.matrix("logits", rows.rows, config_.vocab_size);
  backend_.normalize(final_norm_, rows, normed);
  backend_.linear(output_.weight, output_.bias, normed, logits, false, precision);
  return logits;
}

}  // namespace mhub::runtime
