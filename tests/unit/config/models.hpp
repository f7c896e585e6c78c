// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>

#include "mhub/config/transformer_config.hpp"

namespace mhub::tests {

using Layers = std::vector<std::int64_t>;

/// A decoder of three layers.
inline TransformerConfig three_layers() {
  TransformerConfig c;
  c.num_layers = 3;
  c.hidden_size = 16;
  c.ffn_hidden_size = 24;
  c.num_attention_heads = 4;
  c.num_query_groups = 2;
  c.kv_channels = 4;
  c.vocab_size = 51;
  c.max_position_embeddings = 64;
  return c;
}

inline TransformerConfig with_scaling(RopeKind kind) {
  TransformerConfig c = three_layers();
  c.rope_scaling.type = kind;
  c.rope_scaling.factor = 4.0;
  if (kind != RopeKind::linear) c.rope_scaling.original_max_position_embeddings = 32;
  if (kind == RopeKind::yarn) c.rope_scaling.mscale = c.rope_scaling.mscale_all_dim = 0.5;
  if (kind == RopeKind::longrope) c.rope_scaling.short_factor = c.rope_scaling.long_factor = {1.0, 2.0};
  return c;
}

/// Models of which each has a part or a kind that the others have not.
inline std::map<std::string, TransformerConfig> models() {
  std::map<std::string, TransformerConfig> all{{"dense", three_layers()}};
  for (const RopeKind kind : {RopeKind::linear, RopeKind::dynamic, RopeKind::llama3, RopeKind::yarn,
                              RopeKind::longrope, RopeKind::proportional})
    all["rope " + name_of(kind)] = with_scaling(kind);

  TransformerConfig c = three_layers();
  c.normalization = Normalization::layer;
  c.gated_linear_unit = false;
  c.activation = ActivationFunction::gelu_new;
  c.add_bias_linear = true;
  c.position_embedding_type = PositionEmbedding::learned_absolute;
  all["learned positions"] = c;

  c = three_layers();
  c.sliding_window = 7;
  c.window_layers = {1, 1, 0};
  c.no_rope_layers = {0, 1, 1};
  c.attention_temperature.emplace();
  c.qk_l2_norm = true;
  all["window"] = c;

  c = three_layers();
  c.sliding_window = 7;
  c.window_layers = {1, 1, 0};
  c.full_attention = AttentionKind{1, 8, true};
  all["two kinds of attention"] = c;

  c.full_attention = AttentionKind{1, 4, false, SoftmaxType::vanilla};
  c.softmax_type = SoftmaxType::learnable;
  c.value_channels = 6;
  c.value_multiplier = 0.5;
  c.mtp_num_layers = 1;
  c.mtp_windowed = true;
  all["sinks and small values"] = c;

  c = three_layers();
  c.shared_keys = SharedKeysConfig{1};
  c.layer_embeddings = LayerEmbeddingConfig{60, 4};
  all["shared keys and embeddings for each layer"] = c;

  c = three_layers();
  c.moe = MoeConfig{.num_experts = 8, .ffn_hidden_size = 12, .layer_freq = {0, 1, 1}};
  c.moe->router_num_groups = 4;
  c.moe->router_group_topk = 2;
  c.moe->router_group_score_topk = 1;
  c.moe->shared_expert_intermediate_size = 12;
  all["experts"] = c;

  c.mtp_num_layers = 1;
  c.mtp_dense = true;
  all["experts and dense blocks"] = c;

  c = three_layers();
  c.mla = MlaConfig{12, 8, 6, 4, 6};
  c.num_query_groups = 4;
  all["latent attention"] = c;

  c.sparse_attention = SparseAttentionConfig{3, 8, 16, 2, 2};
  all["sparse attention"] = c;

  c = three_layers();
  c.linear_attention.emplace().layer_freq = {1, 1, 0};
  all["linear attention"] = c;

  c = three_layers();
  c.heterogeneous = HeterogeneousConfig{{1, kNoBlock, kLinearBlock}, {24, 256, kNoBlock}};
  all["layers of several sizes"] = c;

  c = three_layers();
  c.hybrid_layer_pattern = "M*-";
  c.mamba.emplace().num_heads = 8;
  all["hybrid"] = c;

  c = three_layers();
  c.vocab_size = 0;
  c.image = ImageConfig{"clip", 28, 14, 3};
  c.bridge_provider.clear();
  all["images"] = c;

  VisionConfig vision;
  vision.tower = std::make_shared<const TransformerConfig>(c);
  vision.projector_ffn_hidden_size = 16;
  c = three_layers();
  c.vision = vision;
  c.bridge_provider.clear();
  all["images and text"] = c;
  return all;
}

}  // namespace mhub::tests
