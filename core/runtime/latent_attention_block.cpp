// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/latent_attention_block.hpp"

#include <cmath>

#include "mhub/rules/decoder_rules.hpp"
#include "mhub/runtime/attention_block.hpp"

namespace mhub::runtime {
namespace {

class LatentAttention final : public AttentionBlock {
 public:
  LatentAttention(const LayerSource& source, const LayerPlan& plan);
  void run(ForwardPass& pass, Matrix in, Matrix hidden) const override;
  LayerCache new_cache(LayerCache::Allocate allocate) const override {
    return {heads_, plain_ + rotated_, value_, std::move(allocate)};
  }

 private:
  Matrix project_queries(ForwardPass& pass, Matrix in) const;

  LayerPlan plan_;
  std::int64_t heads_, plain_, rotated_, value_;  ///< dimensions of a head
  std::int64_t query_rank_, key_value_rank_;
  Linear query_, query_down_, query_up_, key_value_down_, key_value_up_, proj_;
  Norm query_norm_, key_value_norm_;
  AttentionOptions options_;
  Residual residual_;
};

/// DeepSeek scales scores by the square of YaRN's mscale (transformers modeling_deepseek_v3.py,
/// DeepseekV3Attention; Megatron-Core multi_latent_attention.py).
float yarn_score_factor(const TransformerConfig& config) {
  const RopeScaling& rope = config.rope_scaling;
  const double weight = rope.mscale_all_dim.value_or(0);
  if (rope.type != RopeKind::yarn || weight == 0 || rope.factor <= 1 || config.softmax_scale) return 1.0F;
  const double mscale = 0.1 * weight * std::log(rope.factor) + 1.0;
  return static_cast<float>(mscale * mscale);
}

/// The norm of a compressed query, key or value. transformers leaves its epsilon at the class's default,
/// whatever rms_norm_eps says (modeling_deepseek_v3.py, q_a_layernorm and kv_a_layernorm; so do all models
/// made after it); megatron-core takes layernorm_epsilon (multi_latent_attention.py), which `mhub convert`
/// notes.
Norm compressed_norm(const LayerSource& source, const std::string& name, std::int64_t rank) {
  Norm norm = load_norm(source.weights, source.config, name, rank);
  norm.epsilon = 1e-6;
  return norm;
}

LatentAttention::LatentAttention(const LayerSource& source, const LayerPlan& plan)
    : plan_(plan),
      heads_(source.config.num_attention_heads),
      plain_(source.config.mla->qk_head_dim),
      rotated_(source.config.mla->qk_pos_emb_head_dim),
      value_(source.config.mla->v_head_dim),
      query_rank_(source.config.mla->q_lora_rank),
      key_value_rank_(source.config.mla->kv_lora_rank),
      options_(attention_options(source, plan, plain_ + rotated_)),
      residual_(source, source.prefix + "self_attention.linear_proj.post_layernorm.") {
  const std::string name = source.prefix + "self_attention.";
  // Where all tokens are chosen, attention is dense (context_length.hpp).
  const bool sparse = source.config.sparse_attention.has_value();
  if (sparse) source.weights.ignore(source.prefix + kIndexer);
  const std::int64_t h = source.config.hidden_size, query_size = heads_ * (plain_ + rotated_);
  if (query_rank_ == 0) {
    query_ = Linear::load(source, name + "linear_q_proj", query_size, h);
  } else {
    query_down_ = Linear::load(source, name + "linear_q_down_proj", query_rank_, h);
    query_norm_ = compressed_norm(source, name + (sparse ? "q_layernorm." : "linear_q_up_proj.layer_norm_"),
                                  query_rank_);
    query_up_ = Linear::load(source, name + "linear_q_up_proj", query_size, query_rank_);
  }
  key_value_down_ = Linear::load(source, name + "linear_kv_down_proj", key_value_rank_ + rotated_, h);
  key_value_norm_ = compressed_norm(
      source, name + (sparse ? "kv_layernorm." : "linear_kv_up_proj.layer_norm_"), key_value_rank_);
  key_value_up_ =
      Linear::load(source, name + "linear_kv_up_proj", heads_ * (plain_ + value_), key_value_rank_);
  proj_ = Linear::load(source, name + "linear_proj", h, heads_ * value_);
  options_.scale *= yarn_score_factor(source.config);
}

Matrix LatentAttention::project_queries(ForwardPass& pass, Matrix in) const {
  const Matrix queries = pass.workspace.matrix("qkv", in.rows, heads_ * (plain_ + rotated_));
  if (query_rank_ == 0) {
    query_.run(pass, in, queries, false);
    return queries;
  }
  const Matrix low = pass.workspace.matrix("low-rank queries", in.rows, query_rank_);
  query_down_.run(pass, in, low, false);
  pass.backend.normalize(query_norm_, low, low);
  query_up_.run(pass, low, queries, false);
  return queries;
}

void LatentAttention::run(ForwardPass& pass, Matrix in, Matrix hidden) const {
  Backend& backend = pass.backend;
  const std::int64_t dim = plain_ + rotated_, tokens = in.rows;
  const Matrix q = project_queries(pass, in);
  const Matrix low = pass.workspace.matrix("low-rank keys", tokens, key_value_rank_ + rotated_);
  const Matrix expanded = pass.workspace.matrix("expanded", tokens, key_value_up_.weight.rows);
  const Matrix k = pass.workspace.matrix("keys", tokens, heads_ * dim);
  const Matrix attended = pass.workspace.matrix("attended", tokens, heads_ * value_);
  key_value_down_.run(pass, in, low, false);
  const Matrix latent = low.slice_columns(0, key_value_rank_);
  backend.normalize(key_value_norm_, latent, latent);
  key_value_up_.run(pass, latent, expanded, false);

  const Heads queries{q.data, tokens, q.stride, heads_, dim, 1, dim, dim};
  const Heads keys{k.data, tokens, k.stride, heads_, dim, 1, dim, dim};
  const Heads plain{expanded.data, tokens, expanded.stride, heads_, plain_ + value_, 1, plain_, plain_};
  const Heads values{expanded.data + plain_, tokens, expanded.stride, heads_,
                     plain_ + value_,        1,      value_,          value_};
  const Heads shared{low.data + key_value_rank_, tokens, low.stride, 1, rotated_, 1, rotated_, rotated_};
  if (const RotaryAngles* angles = angles_of(pass, plan_)) {
    backend.rotate(*angles, queries.slice(plain_, rotated_));
    backend.rotate(*angles, shared);
  }
  Heads repeated = shared;  // the same rotated part for every head
  repeated.groups = heads_;
  repeated.group_stride = 0;
  backend.copy(plain, keys.slice(0, plain_));
  backend.copy(repeated, keys.slice(plain_, rotated_));
  backend.attend(options_, queries, keys, values, pass.segments, attended);
  residual_.add(pass, proj_, attended, hidden);
}

}  // namespace

std::unique_ptr<AttentionBlock> make_latent_attention(const LayerSource& source, const LayerPlan& plan) {
  return std::make_unique<LatentAttention>(source, plan);
}

}  // namespace mhub::runtime
