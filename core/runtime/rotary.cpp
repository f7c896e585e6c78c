// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/rotary.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "mhub/base/error.hpp"

namespace mhub::runtime {
namespace {

/// base^(2k / dim) for k < dim / 2, as torch computes it.
std::vector<float> powers(double base, std::int64_t dim) {
  std::vector<float> result;
  for (std::int64_t k = 0; k < dim; k += 2) {
    result.push_back(std::pow(static_cast<float>(base), static_cast<float>(k) / static_cast<float>(dim)));
  }
  return result;
}

std::vector<float> inverted(std::vector<float> values, double factor = 1.0) {
  for (float& value : values) value = 1.0F / value / static_cast<float>(factor);
  return values;
}

/// _compute_proportional_rope_parameters: the first pairs turn as if all did, the rest stand still.
std::vector<float> proportional(std::vector<float> frequencies, std::int64_t dim,
                                const RopeScaling& scaling) {
  const auto turning = static_cast<std::size_t>(scaling.partial_rotary_factor * static_cast<double>(dim) / 2);
  for (std::size_t k = turning; k < frequencies.size(); ++k) frequencies[k] = 0.0F;
  return frequencies;
}

/// _compute_llama3_parameters: long wavelengths are scaled, short ones kept, those between interpolated.
std::vector<float> llama3(std::vector<float> frequencies, const RopeScaling& scaling) {
  const auto original = static_cast<double>(scaling.original_max_position_embeddings);
  for (float& frequency : frequencies) {
    const double wavelength = 2 * std::numbers::pi / static_cast<double>(frequency);
    const double scaled = static_cast<double>(frequency) / scaling.factor;
    if (wavelength > original / scaling.low_freq_factor) {
      frequency = static_cast<float>(scaled);
    } else if (scaling.high_freq_factor > scaling.low_freq_factor &&
               wavelength >= original / scaling.high_freq_factor) {
      const double smooth = (original / wavelength - scaling.low_freq_factor) /
                            (scaling.high_freq_factor - scaling.low_freq_factor);
      frequency = static_cast<float>((1 - smooth) * scaled + smooth * static_cast<double>(frequency));
    }
  }
  return frequencies;
}

/// The dimension that turns `rotations` times over the original context (yarn's find_correction_dim).
double correction_dim(double rotations, double dim, double base, double original) {
  return dim * std::log(original / (rotations * 2 * std::numbers::pi)) / (2 * std::log(base));
}

/// _compute_yarn_parameters: dimensions that turn often are kept, those that turn seldom are scaled.
std::vector<float> yarn(std::int64_t dim, double base, const RopeScaling& scaling) {
  const auto original = static_cast<double>(scaling.original_max_position_embeddings);
  const auto size = static_cast<double>(dim);
  double low = correction_dim(scaling.beta_fast, size, base, original);
  double high = correction_dim(scaling.beta_slow, size, base, original);
  if (scaling.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, size - 1);
  if (low == high) high += 0.001;
  std::vector<float> frequencies = powers(base, dim);
  for (std::size_t k = 0; k < frequencies.size(); ++k) {
    const auto power = static_cast<double>(frequencies[k]);
    const double ramp = std::clamp((static_cast<double>(k) - low) / (high - low), 0.0, 1.0);
    frequencies[k] = static_cast<float>(ramp / (scaling.factor * power) + (1 - ramp) / power);
  }
  return frequencies;
}

/// yarn's factor on cosines and sines.
double yarn_attention_factor(const RopeScaling& scaling) {
  auto mscale = [&](double weight) {
    return scaling.factor <= 1 ? 1.0 : 0.1 * weight * std::log(scaling.factor) + 1.0;
  };
  if (scaling.attention_factor) return *scaling.attention_factor;
  const double numerator = scaling.mscale.value_or(0), denominator = scaling.mscale_all_dim.value_or(0);
  if (numerator != 0 && denominator != 0) return mscale(numerator) / mscale(denominator);
  return mscale(1);
}

/// longrope's divisors of the frequencies for sequences up to and beyond the original context.
std::vector<float> longrope(std::vector<float> powers, const std::vector<double>& factors) {
  for (std::size_t k = 0; k < powers.size(); ++k)
    powers[k] = 1.0F / (static_cast<float>(factors[k]) * powers[k]);
  return powers;
}

/// longrope's factor on cosines and sines. A config without "factor" has 1 there and means the growth of the
/// context.
double longrope_attention_factor(const TransformerConfig& config) {
  const RopeScaling& scaling = config.rope_scaling;
  if (scaling.attention_factor) return *scaling.attention_factor;
  const auto original = static_cast<double>(scaling.original_max_position_embeddings);
  const double factor =
      scaling.factor != 1.0 ? scaling.factor : static_cast<double>(config.max_position_embeddings) / original;
  return factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(original));
}

/// Which position each of `pairs` pairs turns with.
std::vector<std::size_t> axes_of(const std::optional<MultiAxisRotary>& axes, std::int64_t pairs) {
  std::vector<std::size_t> result(static_cast<std::size_t>(pairs), 0);
  if (!axes) return result;
  const auto [place, rows, columns] = axes->sections;
  // Interleaved ones may say more than there are: transformers takes slices of them.
  if (std::min({place, rows, columns}) < 0 || (!axes->interleaved && place + rows + columns != pairs))
    throw InputError("mrope_section: expected as many pairs as a head rotates, " + std::to_string(pairs) +
                     ", found " + std::to_string(place) + " + " + std::to_string(rows) + " + " +
                     std::to_string(columns));
  for (std::int64_t k = 0; k < pairs; ++k) {
    std::size_t& axis = result[static_cast<std::size_t>(k)];
    if (!axes->interleaved) {
      axis = k < place ? 0 : k < place + rows ? 1 : 2;
    } else if (k % 3 != 0 && k < 3 * axes->sections.at(static_cast<std::size_t>(k % 3))) {
      axis = static_cast<std::size_t>(k % 3);
    }
  }
  return result;
}

}  // namespace

std::vector<TokenPosition> token_positions(std::int64_t first, std::int64_t count,
                                           std::span<const TokenGrid> pictures) {
  std::vector<TokenPosition> positions;
  std::int64_t shift = 0;  // of places behind the pictures so far
  auto picture = pictures.begin();
  for (std::int64_t at = first; at < first + count; ++at) {
    while (picture != pictures.end() && at >= picture->position + picture->rows * picture->columns) {
      shift += std::max(picture->rows, picture->columns) - picture->rows * picture->columns;
      ++picture;
    }
    if (picture == pictures.end() || at < picture->position) {
      positions.push_back({at + shift, at + shift, at + shift});
    } else {
      const std::int64_t place = picture->position + shift, k = at - picture->position;
      positions.push_back({place, place + k / picture->columns, place + k % picture->columns});
    }
  }
  return positions;
}

std::int64_t rotary_dim(const TransformerConfig& config) {
  if (config.mla) return config.mla->qk_pos_emb_head_dim;
  return static_cast<std::int64_t>(static_cast<double>(config.kv_channels) * config.rotary_percent);
}

Rotary Rotary::local(TransformerConfig config) {
  config.rotary_base = config.rotary_base_local.value_or(config.rotary_base);
  config.rope_scaling = {};
  return Rotary(config);
}

Rotary::Rotary(const TransformerConfig& config, const std::optional<MultiAxisRotary>& axes)
    : config_(config),
      dim_(rotary_dim(config)),
      // Latent attention rotates neighbours (Megatron-Core rope_utils.py, multi_latent_attention).
      interleaved_(config.rotary_interleaved || config.mla),
      axes_(axes_of(axes, dim_ / 2)) {
  const RopeScaling& scaling = config.rope_scaling;
  if (scaling.type == RopeKind::none) {
    fixed_ = inverted(powers(config.rotary_base, dim_));
  } else if (scaling.type == RopeKind::linear) {
    fixed_ = inverted(powers(config.rotary_base, dim_), scaling.factor);
  } else if (scaling.type == RopeKind::proportional) {
    fixed_ = proportional(inverted(powers(config.rotary_base, dim_), scaling.factor), dim_, scaling);
  } else if (scaling.type == RopeKind::llama3) {
    fixed_ = llama3(inverted(powers(config.rotary_base, dim_)), scaling);
  } else if (scaling.type == RopeKind::yarn) {
    fixed_ = yarn(dim_, config.rotary_base, scaling);
    attention_factor_ = yarn_attention_factor(scaling);
  } else if (scaling.type == RopeKind::longrope) {
    attention_factor_ = longrope_attention_factor(config);
  }
}

std::vector<float> Rotary::frequencies(std::int64_t length) const {
  if (!fixed_.empty()) return fixed_;
  const RopeScaling& scaling = config_.rope_scaling;
  if (scaling.type == RopeKind::longrope) {
    const bool beyond = length > scaling.original_max_position_embeddings;
    return longrope(powers(config_.rotary_base, dim_), beyond ? scaling.long_factor : scaling.short_factor);
  }
  // dynamic (_compute_dynamic_ntk_parameters): the base grows with the sequence.
  const auto limit = static_cast<double>(config_.max_position_embeddings);
  const double longest = std::max(static_cast<double>(length), limit);
  const double factor = scaling.factor;
  const auto size = static_cast<double>(dim_);
  const double base =
      config_.rotary_base * std::pow(factor * longest / limit - (factor - 1), size / (size - 2));
  return inverted(powers(base, dim_));
}

void Rotary::append(std::span<const TokenPosition> tokens, std::int64_t length, RotaryAngles& angles) const {
  const std::vector<float> inverse = frequencies(length);
  const auto factor = static_cast<float>(attention_factor_);
  angles.dim = dim_;
  angles.interleaved = interleaved_;
  for (const TokenPosition& token : tokens) {
    for (std::size_t k = 0; k < inverse.size(); ++k) {
      const float angle = static_cast<float>(token[axes_[k]]) * inverse[k];
      angles.cos.push_back(std::cos(angle) * factor);
      angles.sin.push_back(std::sin(angle) * factor);
    }
  }
}

}  // namespace mhub::runtime
