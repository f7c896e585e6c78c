// SPDX-License-Identifier: Apache-2.0
// DeepSeek sparse attention: latent attention whose norms are modules of their own, and an indexer in the
// layers that choose.
#include <map>
#include <set>

#include <boost/test/unit_test.hpp>

#include "mapping/state_values.hpp"
#include "mhub/rules/decoder_rules.hpp"
#include "mhub/rules/mixer_rules.hpp"
#include "rules/small_config.hpp"

BOOST_AUTO_TEST_SUITE(sparse_attention_rules_tests)

using namespace mhub;
using namespace mhub::tests;

namespace {

constexpr const char* kIndexer = "self_attention.core_attention.indexer.";

TransformerConfig small() {
  TransformerConfig c = small_config();
  c.mla = MlaConfig{
      .q_lora_rank = 5, .kv_lora_rank = 3, .qk_head_dim = 2, .qk_pos_emb_head_dim = 2, .v_head_dim = 2};
  c.sparse_attention = SparseAttentionConfig{.n_heads = 3, .head_dim = 4, .topk = 8};
  return c;
}

ExpandedMapping expanded(const TransformerConfig& c) {
  Mapping map;
  add_ends(map, c, {});
  add_latent_attention(map, c, {});
  add_dense_mlp(map, c, {});
  add_mtp(map, c, {});
  return expand(map);
}

std::map<std::string, CanonicalTensor> tensors(const ExpandedMapping& mapping) {
  std::map<std::string, CanonicalTensor> named;
  for (const CanonicalTensor& one : mapping.canonical) named.emplace(one.name, one);
  return named;
}

/// The places of an indexer: "0", "2", "mtp".
std::set<std::string> indexed(const TransformerConfig& c) {
  std::set<std::string> places;
  for (const auto& [name, tensor] : tensors(expanded(c))) {
    if (name.find(kIndexer) == std::string::npos) continue;
    places.insert(name.starts_with("mtp.") ? "mtp" : std::to_string(tensor.identity.layer));
  }
  return places;
}

}  // namespace

BOOST_AUTO_TEST_CASE(norms_and_indexer_are_whole_on_every_rank) {
  const ExpandedMapping mapping = expanded(small());
  const auto all = tensors(mapping);
  const std::string attention = "decoder.layers.1.self_attention.";
  const std::map<std::string, Shape> wanted{
      {attention + "q_layernorm.weight", {5}},
      {attention + "kv_layernorm.weight", {3}},
      {attention + "core_attention.indexer.linear_wq_b.weight", {12, 5}},
      {attention + "core_attention.indexer.linear_wk.weight", {4, 4}},
      {attention + "core_attention.indexer.k_norm.weight", {4}},
      {attention + "core_attention.indexer.k_norm.bias", {4}},
      {attention + "core_attention.indexer.linear_weights_proj.weight", {3, 4}}};
  for (const auto& [name, shape] : wanted) {
    BOOST_REQUIRE_MESSAGE(all.contains(name), name);
    BOOST_TEST(all.at(name).shape == shape, name);
    BOOST_TEST(all.at(name).partition.replicated(), name);
  }
  BOOST_TEST(!all.contains(attention + "linear_q_up_proj.layer_norm_weight"));
  BOOST_TEST(!all.contains(attention + "linear_kv_up_proj.layer_norm_weight"));
  std::set<std::string> sources;
  for (const StateTensor& tensor : mapping.import.source) sources.insert(tensor.name);
  for (const char* name : {"wq_b.weight", "wk.weight", "k_norm.weight", "k_norm.bias", "weights_proj.weight"})
    BOOST_TEST(sources.contains(std::string("model.layers.1.self_attn.indexer.") + name), name);
  const Values source = numbered_values(mapping.import.source);
  BOOST_TEST((applied(inverted(mapping.import), applied(mapping.import, source)) == source));
}

/// Layers count from 1 in Megatron-Core's schedule, and those of prediction blocks from 1 again (dsa.py,
/// is_dsa_skip_topk_layer; multi_token_prediction.py).
BOOST_AUTO_TEST_CASE(layers_that_share_a_choice_have_no_indexer) {
  TransformerConfig c = small();
  using Places = std::set<std::string>;
  BOOST_TEST((indexed(c) == Places{"0", "1", "2"}));
  c.mtp_num_layers = 1;
  BOOST_TEST((indexed(c) == Places{"0", "1", "2", "mtp"}));
  c.sparse_attention->topk_freq = 2;
  BOOST_TEST((indexed(c) == Places{"0", "2", "mtp"}));
  c.sparse_attention->skip_topk_offset = 1;
  BOOST_TEST((indexed(c) == Places{"0", "2", "mtp"}));
  c.sparse_attention->skip_topk_offset = 2;  // the last layer shares, a block behind it does not
  BOOST_TEST((indexed(c) == Places{"0", "1", "mtp"}));
  c.sparse_attention->topk_freq = 3;
  c.sparse_attention->skip_topk_offset = 0;
  BOOST_TEST((indexed(c) == Places{"0", "mtp"}));
}

BOOST_AUTO_TEST_SUITE_END()
