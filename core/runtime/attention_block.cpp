// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/attention_block.hpp"

#include <algorithm>
#include <cmath>

#include "mhub/runtime/delta_net_block.hpp"
#include "mhub/runtime/latent_attention_block.hpp"
#include "mhub/runtime/linear_block.hpp"
#include "mhub/runtime/mamba_block.hpp"

namespace mhub::runtime {
namespace {

/// The norms of `heads` heads: one for all of them (of all together, where the model has that), or with a
/// weight for `each`.
std::vector<Norm> head_norms(const LayerSource& source, const std::string& name, std::int64_t heads,
                             std::int64_t dim, bool each) {
  const bool joint = source.config.qk_layernorm_over_heads;
  const Norm all = load_norm(source.weights, source.config, name, joint || each ? heads * dim : dim);
  if (!each || heads == 1) return {all};
  std::vector<Norm> norms;
  for (std::int64_t n = 0; n < heads; ++n) {
    const auto begin = all.weight.begin() + n * dim;
    Norm& norm = norms.emplace_back(Norm{all.kind, all.epsilon, {begin, begin + dim}, {}});
    if (!all.bias.empty()) norm.bias.assign(all.bias.begin() + n * dim, all.bias.begin() + (n + 1) * dim);
  }
  return norms;
}

/// Self-attention with grouped queries: proj(attention(rope(norm(qkv(in))))).
class GroupedAttention final : public AttentionBlock {
 public:
  GroupedAttention(const LayerSource& source, const LayerPlan& plan);
  void run(ForwardPass& pass, Matrix in, Matrix hidden) const override;
  LayerCache new_cache(LayerCache::Allocate allocate) const override {
    return {groups_, dim_, value_dim_, std::move(allocate)};
  }

 private:
  void normalize(Backend& backend, const std::vector<Norm>& norms, const Heads& heads) const;
  /// Norms, rotation and what else queries and keys and values go through, in place.
  void prepare(ForwardPass& pass, const Heads& queries, const Heads& keys, const Heads& values) const;
  /// Keeps keys and values for the layers that share them.
  void lend(ForwardPass& pass, const Heads& keys, const Heads& values) const;

  /// Floats of one query group in what linear_qkv gives.
  std::int64_t group_width() const { return ((gated_ ? 2 : 1) * heads_ + 1) * dim_ + value_dim_; }
  /// The queries, each multiplied by what its position asks for.
  Heads with_temperature(ForwardPass& pass, const Heads& queries) const;

  LayerPlan plan_;
  std::int64_t number_;                            ///< of the layer
  std::int64_t groups_, heads_, dim_, value_dim_;  ///< heads per group
  float value_multiplier_;
  bool joint_norm_, rotated_norm_, gated_, value_norm_, key_is_value_;
  Linear qkv_, proj_;
  std::vector<Norm> query_norms_, key_norms_;  ///< none, one, or one a head
  Norm l2_norm_;                               ///< without weights
  AttentionTemperature temperature_;
  AttentionOptions options_;
  Residual residual_;
};

GroupedAttention::GroupedAttention(const LayerSource& source, const LayerPlan& plan)
    : plan_(plan),
      number_(source.number),
      groups_(source.config.num_query_groups),
      heads_(source.config.num_attention_heads / source.config.num_query_groups),
      dim_(source.config.kv_channels),
      value_dim_(source.config.value_channels.value_or(source.config.kv_channels)),
      value_multiplier_(static_cast<float>(source.config.value_multiplier)),
      joint_norm_(source.config.qk_layernorm_over_heads),
      rotated_norm_(source.config.qk_layernorm_rotated),
      gated_(source.config.attention_output_gate),
      value_norm_(source.config.value_norm),
      key_is_value_(source.config.key_is_value),
      l2_norm_{NormKind::rms, source.config.layernorm_epsilon, {}, {}},
      temperature_(source.config.attention_temperature.value_or(AttentionTemperature{})),
      options_(attention_options(source, plan, dim_)),
      residual_(source, source.prefix + "self_attention.linear_proj.post_layernorm.") {
  const TransformerConfig& config = source.config;
  const std::string name = source.prefix + "self_attention.";
  qkv_ = Linear::load(source, name + "linear_qkv", groups_ * group_width(), config.hidden_size);
  proj_ = Linear::load(source, name + "linear_proj", config.hidden_size, groups_ * heads_ * value_dim_);
  if (config.qk_layernorm) {
    const bool each = config.qk_layernorm_per_head;
    query_norms_ = head_norms(source, name + "q_layernorm.", groups_ * heads_, dim_, each);
    key_norms_ = head_norms(source, name + "k_layernorm.", groups_, dim_, each);
  }
}

void GroupedAttention::normalize(Backend& backend, const std::vector<Norm>& norms, const Heads& heads) const {
  if (norms.size() == 1 && joint_norm_) {
    backend.normalize_joint(norms[0], heads);
  } else if (norms.size() == 1) {
    backend.normalize(norms[0], heads);
  }
  if (norms.size() < 2) return;
  for (std::int64_t n = 0; n < heads.groups * heads.heads; ++n) {
    Heads one = heads;
    one.data += n / heads.heads * heads.group_stride + n % heads.heads * heads.head_stride;
    one.groups = one.heads = 1;
    backend.normalize(norms[static_cast<std::size_t>(n)], one);
  }
}

void GroupedAttention::run(ForwardPass& pass, Matrix in, Matrix hidden) const {
  Backend& backend = pass.backend;
  const Matrix qkv = pass.workspace.matrix("qkv", in.rows, qkv_.weight.rows);
  const Matrix attended = pass.workspace.matrix("attended", in.rows, proj_.weight.columns);
  qkv_.run(pass, in, qkv, false);
  // Per query group its queries, their gates if there are any, its key, its value (Megatron-Core
  // attention.py, get_query_key_value_tensors).
  auto heads_at = [&](std::int64_t first, std::int64_t count) {
    return Heads{qkv.data + first * dim_, qkv.rows, qkv.stride, groups_, group_width(), count, dim_, dim_};
  };
  const std::int64_t key = gated_ ? 2 * heads_ : heads_;
  const Heads queries = heads_at(0, heads_);
  Heads values = heads_at(key + 1, 1);
  values.dim = values.head_stride = value_dim_;
  ForwardPass::KeysAndValues own{heads_at(key, 1), values};
  prepare(pass, queries, own.keys, own.values);
  // The cache has them once more for each layer that shares them.
  if (plan_.keys_of >= 0) own = pass.shared_keys.at(plan_.keys_of);
  if (plan_.lends_keys) lend(pass, own.keys, own.values);
  backend.attend(options_, plan_.temperature ? with_temperature(pass, queries) : queries, own.keys,
                 own.values, pass.segments, attended);
  // As if each value were multiplied: what is attended is a sum of them.
  if (value_multiplier_ != 1.0F) backend.scale(value_multiplier_, attended);
  if (gated_) backend.gate(heads_at(heads_, heads_), attended);
  residual_.add(pass, proj_, attended, hidden);
}

void GroupedAttention::prepare(ForwardPass& pass, const Heads& queries, const Heads& keys,
                               const Heads& values) const {
  Backend& backend = pass.backend;
  const auto normalize_both = [&] {
    normalize(backend, query_norms_, queries);
    normalize(backend, key_norms_, keys);
  };
  // What lies in the place of values then nobody trains.
  if (key_is_value_) backend.copy(keys, values);
  if (value_norm_) backend.normalize(l2_norm_, values);
  if (!rotated_norm_) normalize_both();
  if (const RotaryAngles* angles = angles_of(pass, plan_)) {
    backend.rotate(*angles, queries);
    backend.rotate(*angles, keys);
  }
  if (rotated_norm_) normalize_both();
  if (plan_.l2_norms) {
    backend.normalize(l2_norm_, queries);
    backend.normalize(l2_norm_, keys);
  }
}

void GroupedAttention::lend(ForwardPass& pass, const Heads& keys, const Heads& values) const {
  const std::string name = "shared keys of layer " + std::to_string(number_);
  const Matrix kept = pass.workspace.matrix(name, keys.tokens, 2 * groups_ * dim_);
  const auto part = [&](std::int64_t begin) {
    return Heads{kept.data + begin, kept.rows, kept.stride, groups_, dim_, 1, dim_, dim_};
  };
  const ForwardPass::KeysAndValues both{part(0), part(groups_ * dim_)};
  pass.backend.copy(keys, both.keys);
  pass.backend.copy(values, both.values);
  pass.shared_keys[number_] = both;
}

Heads GroupedAttention::with_temperature(ForwardPass& pass, const Heads& queries) const {
  std::vector<std::int64_t> rows;
  std::vector<float> factors;
  for (const Segment& segment : pass.segments) {
    for (std::int64_t t = 0; t < segment.rows; ++t) {
      const auto position = static_cast<double>(temperature_.first_position + segment.position + t);
      const double steps = std::floor(position / static_cast<double>(temperature_.floor_scale));
      rows.push_back(segment.first_row + t);
      factors.push_back(static_cast<float>(1 + temperature_.scale * std::log1p(steps)));
    }
  }
  if (std::all_of(factors.begin(), factors.end(), [](float factor) { return factor == 1.0F; }))
    return queries;
  const std::int64_t width = groups_ * heads_ * dim_;
  auto heads_in = [&](const Matrix& matrix) {
    return Heads{matrix.data, matrix.rows, matrix.stride, groups_, heads_ * dim_, heads_, dim_, dim_};
  };
  const Matrix plain = pass.workspace.matrix("queries", queries.tokens, width);
  const Matrix scaled = pass.workspace.matrix("scaled queries", queries.tokens, width);
  pass.backend.copy(queries, heads_in(plain));
  pass.backend.gather_rows(plain, rows, factors, scaled);
  return heads_in(scaled);
}

}  // namespace

AttentionOptions attention_options(const LayerSource& source, const LayerPlan& plan, std::int64_t dim) {
  const TransformerConfig& config = source.config;
  AttentionOptions options;
  options.scale =
      static_cast<float>(config.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(dim))));
  options.window = plan.window;
  options.chunk = plan.chunk;
  options.soft_cap = static_cast<float>(config.attn_logit_softcapping.value_or(0.0));
  if (config.softmax_type == SoftmaxType::learnable) {
    options.sinks = source.weights.vector(source.prefix + "self_attention.core_attention.softmax_offset",
                                          config.num_attention_heads);
  }
  return options;
}

const RotaryAngles* angles_of(const ForwardPass& pass, const LayerPlan& plan) {
  switch (plan.positions) {
    case LayerPlan::Positions::global: return pass.angles;
    case LayerPlan::Positions::local: return pass.local_angles;
    case LayerPlan::Positions::none: break;
  }
  return nullptr;
}

std::unique_ptr<AttentionBlock> make_attention(const LayerSource& source, const LayerPlan& plan) {
  if (plan.mixer == LayerPlan::Mixer::none) return nullptr;
  if (plan.mixer == LayerPlan::Mixer::delta_net) return make_delta_net(source);
  if (plan.mixer == LayerPlan::Mixer::mamba) return make_mamba(source);
  if (plan.mixer == LayerPlan::Mixer::linear) return make_linear(source, "self_attention");
  if (source.config.mla) return make_latent_attention(source, plan);
  return std::make_unique<GroupedAttention>(source, plan);
}

}  // namespace mhub::runtime
