// SPDX-License-Identifier: Apache-2.0
#include "sparse.hpp"

#include <algorithm>

#include "mhub/rules/mixer_rules.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::deepseek {
namespace {

/// 1 for a layer that does as the one before it.
std::vector<std::int64_t> schedule(std::int64_t freq, std::int64_t offset, std::int64_t layers) {
  SparseAttentionConfig sparse;
  sparse.topk_freq = freq;
  sparse.skip_topk_offset = offset;
  std::vector<std::int64_t> shares;
  for (std::int64_t layer = 0; layer < layers; ++layer)
    shares.push_back(chooses_tokens(sparse, layer) ? 0 : 1);
  return shares;
}

}  // namespace

DeepseekV32Config::DeepseekV32Config() {
  max_position_embeddings = 163840;
  first_k_dense_replace = 3;
}

void DeepseekV32Config::bind(ConfigBinding& b) {
  bind_indexer(b, false);
  // transformers 5.12 counts its experts by this one, whose default is the published 256
  // (modeling_deepseek_v32.py, num_local_experts).
  b.constant("num_experts", n_routed_experts);
}

void DeepseekV32Config::bind_indexer(ConfigBinding& b, bool interleaved) {
  bind_mlp_layer_types(b, "first_k_dense_replace", first_k_dense_replace, num_hidden_layers);
  DeepseekV3Config::bind(b);
  b.require("mlp_bias", false);
  b.check(q_lora_rank.has_value(), "q_lora_rank", "expected a size: the indexer's queries come from it");
  std::vector<std::int64_t> all_alike;  // which other names are refused; none is written
  if (b.reading()) b.per_layer("layer_types", {"deepseek_sparse_attention"}, all_alike);
  if (!b.megatron.sparse_attention) b.megatron.sparse_attention.emplace();
  SparseAttentionConfig& sparse = *b.megatron.sparse_attention;
  b.positive("index_n_heads", index_n_heads, sparse.n_heads);
  b.positive("index_head_dim", index_head_dim, sparse.head_dim);
  b.positive("index_topk", index_topk, sparse.topk);
  b.check(index_head_dim >= qk_rope_head_dim, "index_head_dim", "expected qk_rope_head_dim or more");
  b.fixed(sparse.rope_interleaved, interleaved);
  // The code of all of them has this one, whatever rms_norm_eps says (modeling_deepseek_v32.py,
  // DeepseekV32Indexer; deepseek-ai/DeepSeek-V3.2-Exp, inference/model.py).
  b.fixed(sparse.k_norm_epsilon, 1e-6);
}

GlmMoeDsaConfig::GlmMoeDsaConfig() {
  vocab_size = 154880;
  hidden_size = 6144;
  intermediate_size = 12288;
  num_hidden_layers = 78;
  num_attention_heads = num_key_value_heads = 64;
  max_position_embeddings = 202752;
  q_lora_rank = 2048;
  qk_nope_head_dim = 192;
  v_head_dim = 256;
  n_group = topk_group = 1;
  rms_norm_eps = 1e-5;
  index_n_heads = 32;
}

void GlmMoeDsaConfig::bind(ConfigBinding& b) {
  bind_indexer(b, true);
  // What config.json says and transformers computes from 5.13 on (huggingface/transformers#46842); 5.12 looks
  // at no setting and pairs halves, which tells only beyond index_topk tokens.
  b.require("indexer_rope_interleave", true);
  bind_sharing(b);
}

void GlmMoeDsaConfig::bind_sharing(ConfigBinding& b) {
  constexpr const char *kFreq = "index_topk_freq", *kTypes = "indexer_types",
                       *kPattern = "index_topk_pattern";
  SparseAttentionConfig& sparse = *b.megatron.sparse_attention;
  b.positive(kFreq, index_topk_freq);
  b.integer("index_skip_topk_offset", index_skip_topk_offset);
  std::vector<std::int64_t> shares;
  if (b.reading() && b.reader().has(kPattern) && !b.reader().has(kTypes)) {
    for (const char type : b.reader().string(kPattern)) {
      b.check(type == 'F' || type == 'S', kPattern, std::string("unsupported: \"") + type + "\"");
      shares.push_back(type == 'S' ? 1 : 0);
    }
  }
  if (b.writing() && index_topk_freq > 1)
    shares = schedule(index_topk_freq, index_skip_topk_offset, num_hidden_layers);
  b.per_layer(kTypes, {"full", "shared"}, shares);
  if (b.reading() && !shares.empty()) take_schedule(b, shares);
  b.check(index_topk_freq == 1 || index_skip_topk_offset >= 1, "index_skip_topk_offset",
          "expected 1 or more: the first layer has none to share with");
  b.check(index_topk_freq == 1 || num_nextn_predict_layers <= 1, "num_nextn_predict_layers",
          "unsupported: several beside layers that share an indexer");
  b.link(index_topk_freq, sparse.topk_freq);
  if (index_topk_freq > 1) b.link(index_skip_topk_offset, sparse.skip_topk_offset);
}

/// Megatron-Core knows a frequency and where it begins, transformers any list of layers.
void GlmMoeDsaConfig::take_schedule(ConfigBinding& b, const std::vector<std::int64_t>& shares) {
  constexpr const char* kTypes = "indexer_types";
  const auto layers = static_cast<std::int64_t>(shares.size());
  b.check(layers == num_hidden_layers, kTypes, "expected one entry a layer");
  const std::int64_t stated = index_topk_freq;
  const auto first = std::find(shares.begin(), shares.end(), 1);
  if (first == shares.end()) {
    index_topk_freq = 1;
  } else {
    index_skip_topk_offset = first - shares.begin();
    index_topk_freq = std::find(first, shares.end(), 0) - first + 1;
  }
  b.check(schedule(index_topk_freq, index_skip_topk_offset, layers) == shares, kTypes,
          "unsupported: Megatron-Core has every so many-th layer choose, behind leading ones that all do");
  b.check(!b.reader().has("index_topk_freq") || stated == index_topk_freq, kTypes,
          "contradicts index_topk_freq");
}

}  // namespace mhub::deepseek
