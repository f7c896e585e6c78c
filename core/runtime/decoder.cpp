// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/decoder.hpp"

#include <algorithm>
#include <numeric>

#include "mhub/base/error.hpp"
#include "mhub/config/heterogeneous.hpp"
#include "mhub/formats/repeats.hpp"
#include "mhub/mapping/identity.hpp"
#include "mhub/runtime/context_length.hpp"
#include "mhub/runtime/eyes.hpp"
#include "mhub/runtime/layer_input.hpp"
#include "mhub/runtime/layer_stack.hpp"
#include "mhub/runtime/prediction_block.hpp"
#include "mhub/runtime/support.hpp"

namespace mhub::runtime {
namespace {

/// The decoder of a vision-language model is a part of it; its configuration is the model's without the
/// pictures'.
TransformerConfig decoder_config(const TransformerConfig& model) {
  TransformerConfig decoder = model;
  decoder.vision.reset();
  return decoder;
}

Weights decoder_weights(const Checkpoint& checkpoint, std::optional<DType> dtype) {
  const Weights all(checkpoint, dtype);
  return checkpoint.transformer->vision ? all.inside(std::string(kDecoderModule) + ".") : all;
}

/// Whether tokens of a sequence can be taken back, and what it computed for those before them stays right.
bool can_take_back(const TransformerConfig& config) {
  const RopeKind scaling = config.rope_scaling.type;
  if (scaling == RopeKind::dynamic || scaling == RopeKind::longrope) return false;
  for (std::int64_t layer = 0; layer < config.num_layers; ++layer) {
    const LayerPlan::Mixer mixer = layer_plan(config, layer).mixer;
    if (mixer == LayerPlan::Mixer::mamba || mixer == LayerPlan::Mixer::delta_net) return false;
  }
  return true;
}

}  // namespace

Decoder::Decoder(const Checkpoint& checkpoint, Backend& backend, std::optional<DType> dtype)
    : config_(decoder_config(*checkpoint.transformer)),
      backend_(backend),
      workspace_(backend),
      weights_(decoder_weights(checkpoint, dtype)) {
  require_equal_repeats(checkpoint);
  Weights weights = weights_;
  require_supported(config_, checkpoint.path);
  word_embeddings_ = backend.place(
      weights.matrix("embedding.word_embeddings.weight", config_.vocab_size, config_.hidden_size),
      config_.share_embeddings_and_output_weights ? Rows::all : Rows::some);
  if (config_.position_embedding_type == PositionEmbedding::learned_absolute) {
    position_embeddings_ = backend.place(weights.matrix("embedding.position_embeddings.weight",
                                                        config_.max_position_embeddings, config_.hidden_size),
                                         Rows::some);
  } else if (config_.position_embedding_type == PositionEmbedding::rope) {
    const std::optional<Eyes> eyes = eyes_of(checkpoint);
    rotary_.emplace(with_attention_of(config_, false), eyes ? eyes->rotary : std::nullopt);
    if (config_.rotary_base_local) local_rotary_.emplace(Rotary::local(with_attention_of(config_, true)));
  }
  if (config_.layer_embeddings) layer_inputs_ = std::make_unique<LayerInputs>(weights, backend, config_);
  layers_ = std::make_unique<LayerStack>(weights, backend, config_);
  // HybridModel has its own name for it (hybrid_block.py).
  final_norm_ =
      load_norm(weights, config_,
                config_.hybrid_layer_pattern.empty() ? "decoder.final_layernorm." : "decoder.final_norm.",
                config_.hidden_size);
  const LayerSource ends{weights, backend, config_, 0, ""};
  output_ = config_.share_embeddings_and_output_weights
                ? Linear{word_embeddings_, weights.optional_vector("output_layer.bias", config_.vocab_size)}
                : Linear::load(ends, "output_layer", config_.vocab_size, config_.hidden_size);
  if (config_.normalized_output_layer) {
    const std::string table = config_.share_embeddings_and_output_weights ? "embedding.word_embeddings.weight"
                                                                          : "output_layer.weight";
    // torch.nn.functional.normalize: rows shorter than 1e-12 count as that long.
    for (const float length : row_lengths(weights.matrix(table, config_.vocab_size, config_.hidden_size)))
      output_scale_.push_back(1.0F / std::max(length, 1e-12F));
  }
  can_guess_ = PredictionBlock::is_in(weights) && can_take_back(config_);
  weights.ignore("mtp.");  // for training, and for guesses (guess); the next token does not need them
  weights.ignore(std::string(kCarriedPrefix));  // towers of images: texts do not need them
  weights.require_all_used();
}

Decoder::~Decoder() = default;

SequenceCache Decoder::new_sequence() const {
  SequenceCache sequence;
  sequence.layers = layers_->new_caches();
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
    require_length(step.sequence->length + static_cast<std::int64_t>(step.tokens.size()));
  }
}

void Decoder::require_length(std::int64_t length) const { runtime::require_length(config_, length); }

bool Decoder::restarts_at(std::int64_t length) const { return rotary_ && rotary_->restarts_at(length); }

void Decoder::embed(std::span<const std::int64_t> ids, std::span<const std::int64_t> positions,
                    Matrix hidden) {
  backend_.embed(word_embeddings_, ids, false, hidden);
  if (config_.embedding_multiplier != 1.0)
    backend_.scale(static_cast<float>(config_.embedding_multiplier), hidden);
  if (!position_embeddings_.blocks.empty()) backend_.embed(position_embeddings_, positions, true, hidden);
}

namespace {

/// Calls `use(features, begin, rows)` for the rows of features that fall on the tokens of a pass; `begin` is
/// the first of those rows, `rows` where they are in the pass.
template <typename Use>
void for_features(std::span<const Decoder::Step> steps, const ForwardPass& pass, Matrix hidden,
                  const Use& use) {
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const Segment& segment = pass.segments[s];
    for (const Decoder::Features& features : steps[s].features) {
      const std::int64_t count = static_cast<std::int64_t>(features.values.size()) / hidden.columns;
      const std::int64_t begin = std::max(features.position, segment.position);
      const std::int64_t end = std::min(features.position + count, segment.position + segment.rows);
      if (begin >= end) continue;
      use(features, begin - features.position,
          hidden.slice_rows(segment.first_row + begin - segment.position, end - begin));
    }
  }
}

std::span<const float> rows_of(std::span<const float> values, std::int64_t begin, Matrix rows) {
  return values.subspan(static_cast<std::size_t>(begin * rows.columns),
                        static_cast<std::size_t>(rows.rows * rows.columns));
}

}  // namespace

void Decoder::place_features(std::span<const Step> steps, const ForwardPass& pass, Matrix hidden) {
  for_features(steps, pass, hidden, [&](const Features& features, std::int64_t begin, Matrix rows) {
    backend_.write(rows_of(features.values, begin, rows), rows);
  });
}

void Decoder::add_deep_features(std::span<const Step> steps, const ForwardPass& pass, std::size_t layer,
                                Matrix hidden) {
  for_features(steps, pass, hidden, [&](const Features& features, std::int64_t begin, Matrix rows) {
    if (layer >= features.deep.size()) return;
    const Matrix added = workspace_.matrix("deep features", rows.rows, rows.columns);
    backend_.write(rows_of(features.deep[layer], begin, rows), added);
    backend_.add(added, 1.0F, rows);
  });
}

Matrix Decoder::forward(std::span<const Step> steps, Logits wanted, Precision precision) {
  ForwardPass pass{backend_, workspace_, precision, nullptr, nullptr, {}};
  const Matrix hidden = run(pass, steps);
  return head(pass, steps, wanted, hidden);
}

Matrix Decoder::hidden_states(std::span<const Step> steps) {
  ForwardPass pass{backend_, workspace_, Precision::exact, nullptr, nullptr, {}};
  const Matrix hidden = run(pass, steps);
  return normalized(pass, final_norm_, "final norm", hidden);
}

void Decoder::append_angles(std::int64_t begin, std::int64_t count, std::int64_t length,
                            std::span<const TokenGrid> grids, Angles& angles) const {
  const std::vector<TokenPosition> tokens = token_positions(begin, count, grids);
  if (rotary_) rotary_->append(tokens, length, angles.all);
  if (local_rotary_) local_rotary_->append(tokens, length, angles.local);
}

void Decoder::set_angles(const Angles& angles, ForwardPass& pass) const {
  if (rotary_) pass.angles = &angles.all;
  if (local_rotary_) pass.local_angles = &angles.local;
}

Matrix Decoder::run(ForwardPass& pass, std::span<const Step> steps) {
  check(steps);
  std::vector<std::int64_t> ids, positions;
  Angles angles;
  for (const Step& step : steps) {
    const auto first = static_cast<std::int64_t>(ids.size());
    const auto count = static_cast<std::int64_t>(step.tokens.size());
    pass.segments.push_back({first, count, step.sequence->length, nullptr, step.together, step.tentative});
    ids.insert(ids.end(), step.tokens.begin(), step.tokens.end());
    positions.resize(ids.size());
    std::iota(positions.begin() + first, positions.end(), step.sequence->length);
    const std::int64_t begin = step.sequence->length;
    const std::int64_t length = std::max(begin + count, step.sequence->expected_length);
    append_angles(begin, count, length, step.grids, angles);
  }
  set_angles(angles, pass);

  const Matrix hidden =
      workspace_.matrix("hidden", static_cast<std::int64_t>(ids.size()), config_.hidden_size);
  embed(ids, positions, hidden);
  if (layer_inputs_) pass.layer_inputs = layer_inputs_->run(pass, ids, hidden);
  place_features(steps, pass, hidden);
  std::vector<std::vector<LayerCache>*> caches;
  for (const Step& step : steps) caches.push_back(&step.sequence->layers);
  if (observer_) observer_(0, hidden);
  layers_->run(pass, caches, hidden, cancelled_, [&](std::size_t layer) {
    add_deep_features(steps, pass, layer, hidden);
    if (observer_) observer_(layer + 1, hidden);
  });
  for (const Step& step : steps) step.sequence->length += static_cast<std::int64_t>(step.tokens.size());
  return hidden_ = hidden;
}

Matrix Decoder::head(ForwardPass& pass, std::span<const Step> steps, Logits wanted, Matrix hidden) {
  if (wanted == Logits::none) return {};
  Matrix rows = hidden;
  if (wanted == Logits::last) {
    std::vector<std::int64_t> ends;
    std::int64_t end = 0;
    for (const Step& step : steps) ends.push_back((end += static_cast<std::int64_t>(step.tokens.size())) - 1);
    rows = picked(hidden, ends);
  }
  const Matrix normed = normalized(pass, final_norm_, "final norm", rows);
  if (observer_) observer_(layers_->size() + 1, normed);
  return logits_of(pass, normed);
}

Matrix Decoder::picked(Matrix hidden, std::span<const std::int64_t> rows) {
  const Matrix out = workspace_.matrix("last", static_cast<std::int64_t>(rows.size()), hidden.columns);
  for (std::size_t k = 0; k < rows.size(); ++k)
    backend_.copy(hidden.slice_rows(rows[k], 1), out.slice_rows(static_cast<std::int64_t>(k), 1));
  return out;
}

Matrix Decoder::logits_of(ForwardPass& pass, Matrix normed) {
  const Matrix logits = workspace_.matrix("logits", normed.rows, config_.vocab_size);
  backend_.linear(output_.weight, output_.bias, normed, logits, false, pass.precision);
  if (!output_scale_.empty()) backend_.scale_columns(output_scale_, logits);
  if (config_.logits_multiplier != 1.0) backend_.scale(static_cast<float>(config_.logits_multiplier), logits);
  if (config_.final_logit_softcapping)
    backend_.soft_cap(static_cast<float>(*config_.final_logit_softcapping), logits);
  return logits;
}

}  // namespace mhub::runtime
