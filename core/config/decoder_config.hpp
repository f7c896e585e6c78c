// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/config_binding.hpp"

namespace mhub {

/// What an architecture's config.json calls the fields of DecoderConfig. The defaults are transformers' most
/// common names. An empty one: the architecture has no such field.
struct DecoderKeys {
  std::string intermediate_size = "intermediate_size";
  std::string num_key_value_heads = "num_key_value_heads";  ///< empty: as many as attention heads
  std::string head_dim = "head_dim";                        ///< empty: hidden_size / num_attention_heads
  std::string norm_eps = "rms_norm_eps";
  std::string activation = "hidden_act";
  std::string hidden_dropout;
  std::string attention_dropout = "attention_dropout";
  RotaryKeys rotary;  ///< without a key for the share that rotates, all of a head must; without one for the
                      ///< base, there are no positions
};

/// The fields that decoder configs of transformers have in common, to inherit from. A derived config sets the
/// defaults that differ in its constructor and binds its own fields after these.
struct DecoderConfig {
  std::int64_t vocab_size = 32000, hidden_size = 4096, intermediate_size = 11008, num_hidden_layers = 32;
  std::int64_t num_attention_heads = 32, max_position_embeddings = 2048;
  std::int64_t num_key_value_heads = 0;  ///< 0 only until read: as many as attention heads
  std::int64_t head_dim = 0;             ///< 0 only until read: hidden_size / num_attention_heads
  double norm_eps = 1e-6, attention_dropout = 0.0, hidden_dropout = 0.0, initializer_range = 0.02;
  std::string hidden_act = "silu";
  bool tie_word_embeddings = false;
  RotaryConfig rotary = {};

  void bind(ConfigBinding& b) { bind(b, {}); }
  /// Binds all fields and checks that the heads divide as they must. Norms stay RMSNorm, the MLP gated and
  /// linear layers without biases, as TransformerConfig has them by default.
  void bind(ConfigBinding& b, const DecoderKeys& keys);
};

/// Fixes what an architecture with LayerNorm and an MLP without a gate has; `biases`: one on every linear
/// layer.
void fix_layer_norm_and_plain_mlp(ConfigBinding& b, bool biases);

/// A field that configs of encoders call differently.
struct SizeField {
  const char* key;
  std::int64_t& value;
};
/// The sizes that the configs of encoders (towers) have in common, and their checks: as many heads of keys
/// and values as of queries, which share hidden_size out.
void bind_encoder_sizes(ConfigBinding& b, SizeField hidden_size, SizeField layers, SizeField heads);

/// Layers that attend to a window of tokens, where an architecture lets layers differ.
struct WindowConfig {
  std::optional<std::int64_t> sliding_window;  ///< tokens that a query sees, itself included; absent: all
  std::vector<std::int64_t> layers;            ///< 1: this layer has the window; empty: all have it

  /// Binds "sliding_window" and "layer_types". `layers` as read before this call is the default of the
  /// second.
  void bind(ConfigBinding& b, std::int64_t num_layers);
};

/// Binds "no_rope_layers" and "no_rope_layer_interval". `rotated` has one entry a layer: 1, whatever the
/// key's name says, for one that rotates.
void bind_no_rope_layers(ConfigBinding& b, std::vector<std::int64_t>& rotated, std::int64_t num_layers);

}  // namespace mhub
