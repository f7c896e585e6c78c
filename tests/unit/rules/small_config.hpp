// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/transformer_config.hpp"

namespace mhub::tests {

/// A decoder of three layers, two heads of two and a vocabulary of five.
inline TransformerConfig small_config() {
  TransformerConfig c;
  c.num_layers = 3;
  c.hidden_size = 4;
  c.ffn_hidden_size = 6;
  c.num_attention_heads = c.num_query_groups = 2;
  c.kv_channels = 2;
  c.vocab_size = 5;
  c.max_position_embeddings = 16;
  return c;
}

}  // namespace mhub::tests
