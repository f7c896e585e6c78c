// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/hybrid.hpp"

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/rules/mixer_rules.hpp"

using namespace mhub;

BOOST_AUTO_TEST_SUITE(hybrid)

/// megatron/core/models/hybrid/hybrid_layer_allocation.py: '|' stands in front of a segment's first layer.
BOOST_AUTO_TEST_CASE(a_pattern_is_cut_where_a_stage_begins) {
  BOOST_TEST(with_stages("*-*-", PipelineSplit(4, {1, 2, 1, 1, 1})) == "*-|*-");
  BOOST_TEST(with_stages("M*-M*-", PipelineSplit(6, {1, 3, 1, 1, 1})) == "M*|-M|*-");
  BOOST_TEST(with_stages("*-*-", PipelineSplit(4, {1, 2, 2, 1, 1})) == "*|-|*|-");
  BOOST_TEST(with_stages("*-", PipelineSplit(2, {1, 1, 1, 1, 1})) == "*-");
}

/// hybrid_layer_allocation.py: `D` for sparse attention. Which layers share a choice is counted otherwise
/// there.
BOOST_AUTO_TEST_CASE(layers_with_an_indexer_have_a_symbol_of_their_own) {
  TransformerConfig c;
  c.num_layers = 2;
  c.hidden_size = c.ffn_hidden_size = 4;
  c.num_attention_heads = c.num_query_groups = 2;
  c.vocab_size = 5;
  c.mla.emplace();
  c.mla->q_lora_rank = c.mla->kv_lora_rank = 3;
  c.mla->qk_head_dim = c.mla->qk_pos_emb_head_dim = c.mla->v_head_dim = 2;
  const auto pattern = [&] {
    Mapping map;
    add_ends(map, c, {});
    add_latent_attention(map, c, {});
    add_dense_mlp(map, c, {});
    return hybrid_pattern(expand(map).canonical);
  };
  BOOST_TEST(pattern() == "+-+-");
  c.sparse_attention.emplace();
  BOOST_TEST(pattern() == "D-D-");
  BOOST_TEST(gpt_config(hybrid_config(c, pattern())).num_layers == 2);
  c.sparse_attention->topk_freq = 2;
  BOOST_CHECK_THROW(pattern(), InputError);
}

BOOST_AUTO_TEST_SUITE_END()
