// SPDX-License-Identifier: Apache-2.0
#include "mhub/rules/mla_rules.hpp"

namespace mhub {

void add_latent_attention(Mapping& map, const TransformerConfig& c, const DecoderNames& names,
                          const MlaNames& mla) {
  const std::string layer = "decoder.layers.{i}.", attention = layer + "self_attention.";
  const MlaConfig& a = *c.mla;
  const std::int64_t h = c.hidden_size, heads = c.num_attention_heads;
  const std::int64_t q_rows = heads * (a.qk_head_dim + a.qk_pos_emb_head_dim);
  auto hf = [&](const std::string& name) { return names.layer + name + ".weight"; };
  add_norm(map, c, layer + "input_layernorm.", names.layer + names.input_norm);
  if (a.q_lora_rank == 0) {
    map.rule(attention + "linear_q_proj.weight", column(hf(mla.q), {q_rows, h}));
  } else {
    map.rule(attention + "linear_q_down_proj.weight", replicated(hf(mla.q_down), {a.q_lora_rank, h}));
    map.rule(attention + "linear_q_up_proj.layer_norm_weight", replicated(hf(mla.q_norm), {a.q_lora_rank}));
    map.rule(attention + "linear_q_up_proj.weight", column(hf(mla.q_up), {q_rows, a.q_lora_rank}));
  }
  map.rule(attention + "linear_kv_down_proj.weight",
           replicated(hf(mla.kv_down), {a.kv_lora_rank + a.qk_pos_emb_head_dim, h}));
  map.rule(attention + "linear_kv_up_proj.layer_norm_weight", replicated(hf(mla.kv_norm), {a.kv_lora_rank}));
  map.rule(attention + "linear_kv_up_proj.weight",
           column(hf(mla.kv_up), {heads * (a.qk_head_dim + a.v_head_dim), a.kv_lora_rank}));
  map.rule(attention + "linear_proj.weight", row(hf(names.proj), {h, heads * a.v_head_dim}));
}

}  // namespace mhub
