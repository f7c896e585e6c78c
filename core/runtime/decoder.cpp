// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/decoder.hpp"

#include <algorithm>
#include <numeric>

#include "mhub/base/error.hpp"
#include "mhub/base/progress.hpp"
#include "mhub/runtime/attention_block.hpp"
#include "mhub/runtime/context_length.hpp"
#include "mhub/runtime/mlp_block.hpp"
#include "mhub/runtime/moe_block.hpp"
#include "mhub/runtime/support.hpp"

namespace mhub::runtime {
namespace {

/// What TransformerEngine calls the norm that it fuses into a mixer's first linear layer.
const char* fused_norm(LayerPlan::Mixer mixer) {
  switch (mixer) {
    case LayerPlan::Mixer::mamba: return "mixer.in_proj.layer_norm_";
    case LayerPlan::Mixer::delta_net: return "self_attention.in_proj.layer_norm_";
    default: return "self_attention.linear_qkv.layer_norm_";
  }
}

}  // namespace

Decoder::Decoder(const Checkpoint& checkpoint, Backend& backend, std::optional<DType> dtype)
    : backend_(backend), workspace_(backend) {
  Weights weights(checkpoint, dtype);
  config_ = *checkpoint.transformer;
  require_supported(config_, checkpoint.path);
  word_embeddings_ = backend.place(
      weights.matrix("embedding.word_embeddings.weight", config_.vocab_size, config_.hidden_size),
      config_.share_embeddings_and_output_weights ? Rows::all : Rows::some);
  if (config_.position_embedding_type == PositionEmbedding::learned_absolute) {
    position_embeddings_ = backend.place(weights.matrix("embedding.position_embeddings.weight",
                                                        config_.max_position_embeddings, config_.hidden_size),
                                         Rows::some);
  } else if (config_.position_embedding_type == PositionEmbedding::rope) {
    rotary_.emplace(config_);
    if (config_.rotary_base_local) local_rotary_.emplace(Rotary::local(config_));
  }
  for (std::int64_t i = 0; i < config_.num_layers; ++i) layers_.push_back(make_layer(weights, i));
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
  weights.ignore("mtp.");  // multi-token prediction: for training and speculation, not for the next token
  weights.ignore(std::string(kCarriedPrefix));  // towers of images: texts do not need them
  weights.require_all_used();
  gathered_bytes_ = weights.gathered_bytes();
}

Decoder::Layer Decoder::make_layer(Weights& weights, std::int64_t number) const {
  const std::string prefix = "decoder.layers." + std::to_string(number) + ".";
  const LayerSource source{weights, backend_, config_, number, prefix};
  const LayerPlan plan = layer_plan(config_, number);
  // TransformerEngine fuses a norm into the linear layer behind it where there is one such layer.
  auto norm = [&](const std::string& fused, const std::string& module) -> std::optional<Norm> {
    const std::string name = weights.has(prefix + module + "weight") ? prefix + module : prefix + fused;
    if (!weights.has(name + "weight")) return std::nullopt;
    return load_norm(weights, config_, name, config_.hidden_size);
  };
  Layer layer;
  layer.attention_norm = norm(fused_norm(plan.mixer), "input_layernorm.");
  layer.mlp_norm = norm("mlp.linear_fc1.layer_norm_", "pre_mlp_layernorm.");
  // A parallel layer may share one norm.
  const bool shared = config_.parallel_residual && config_.shared_pre_norm;
  const bool mixes = plan.mixer != LayerPlan::Mixer::none, feeds = plan.mlp != LayerPlan::Mlp::none;
  if (layer.attention_norm.has_value() != (mixes && config_.pre_norms) ||
      layer.mlp_norm.has_value() != (feeds && config_.pre_norms && !shared)) {
    throw InputError(
        weights.source() + ": layer " + std::to_string(number) + " does not have the norms before " +
        "attention and MLP that pre_norms = " + (config_.pre_norms ? "true" : "false") + " asks for");
  }
  layer.attention = make_attention(source, plan);
  if (feeds) layer.mlp = plan.mlp == LayerPlan::Mlp::experts ? make_moe(source) : make_mlp(source);
  return layer;
}

SequenceCache Decoder::new_sequence() const {
  SequenceCache sequence;
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    auto allocate = [this](std::int64_t floats) { return backend_.allocate_cache_page(floats); };
    sequence.layers.push_back(layers_[k].attention ? layers_[k].attention->new_cache(allocate)
                                                   : LayerCache(0, 0, 0, allocate));
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
    require_length(step.sequence->length + static_cast<std::int64_t>(step.tokens.size()));
  }
}

void Decoder::require_length(std::int64_t length) const {
  const std::optional<std::int64_t> limit = context_length(config_);
  if (!limit || length <= *limit) return;
  throw UsageError("a sequence of " + std::to_string(length) +
                   " tokens is longer than the model's context of " + std::to_string(*limit) +
                   " tokens (max_position_embeddings in config.json)");
}

bool Decoder::restarts_at(std::int64_t length) const { return rotary_ && rotary_->restarts_at(length); }

void Decoder::embed(std::span<const std::int64_t> ids, std::span<const std::int64_t> positions,
                    Matrix hidden) {
  backend_.embed(word_embeddings_, ids, false, hidden);
  if (config_.embedding_multiplier != 1.0)
    backend_.scale(static_cast<float>(config_.embedding_multiplier), hidden);
  if (!position_embeddings_.blocks.empty()) backend_.embed(position_embeddings_, positions, true, hidden);
}

Matrix Decoder::normalized(const std::optional<Norm>& norm, const std::string& slot, Matrix hidden) {
  const Matrix out = workspace_.matrix(slot, hidden.rows, hidden.columns);
  if (norm) {
    backend_.normalize(*norm, hidden, out);
  } else {
    backend_.copy(hidden, out);
  }
  return out;
}

void Decoder::run_layer(const Layer& layer, ForwardPass& pass, Matrix hidden) {
  if (!config_.parallel_residual) {
    if (layer.attention)
      layer.attention->run(pass, normalized(layer.attention_norm, "attention input", hidden), hidden);
    if (layer.mlp) layer.mlp->run(pass, normalized(layer.mlp_norm, "mlp input", hidden), hidden);
    return;
  }
  const Matrix in = normalized(layer.attention_norm, "attention input", hidden);
  const Matrix mlp_in = layer.mlp_norm ? normalized(layer.mlp_norm, "mlp input", hidden) : in;
  layer.attention->run(pass, in, hidden);
  layer.mlp->run(pass, mlp_in, hidden);
}

Matrix Decoder::forward(std::span<const Step> steps, Logits wanted, Precision precision) {
  check(steps);
  std::vector<std::int64_t> ids, positions;
  ForwardPass pass{backend_, workspace_, precision, nullptr, nullptr, {}};
  RotaryAngles angles, local_angles;
  for (const Step& step : steps) {
    const auto first = static_cast<std::int64_t>(ids.size());
    const auto count = static_cast<std::int64_t>(step.tokens.size());
    pass.segments.push_back({first, count, step.sequence->length, nullptr});
    ids.insert(ids.end(), step.tokens.begin(), step.tokens.end());
    positions.resize(ids.size());
    std::iota(positions.begin() + first, positions.end(), step.sequence->length);
    const std::int64_t begin = step.sequence->length;
    const std::int64_t length = std::max(begin + count, step.sequence->expected_length);
    if (rotary_) rotary_->append(begin, count, length, angles);
    if (local_rotary_) local_rotary_->append(begin, count, length, local_angles);
  }
  if (rotary_) pass.angles = &angles;
  if (local_rotary_) pass.local_angles = &local_angles;

  const Matrix hidden =
      workspace_.matrix("hidden", static_cast<std::int64_t>(ids.size()), config_.hidden_size);
  embed(ids, positions, hidden);
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    throw_if(cancelled_);
    for (std::size_t s = 0; s < steps.size(); ++s) pass.segments[s].cache = &steps[s].sequence->layers[k];
    run_layer(layers_[k], pass, hidden);
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
  const Matrix normed = normalized(final_norm_, "final norm", rows);
  const Matrix logits = workspace_.matrix("logits", rows.rows, config_.vocab_size);
  backend_.linear(output_.weight, output_.bias, normed, logits, false, precision);
  if (!output_scale_.empty()) backend_.scale_columns(output_scale_, logits);
  if (config_.logits_multiplier != 1.0) backend_.scale(static_cast<float>(config_.logits_multiplier), logits);
  if (config_.final_logit_softcapping)
    backend_.soft_cap(static_cast<float>(*config_.final_logit_softcapping), logits);
  return logits;
}

}  // namespace mhub::runtime
