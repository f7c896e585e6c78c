// SPDX-License-Identifier: Apache-2.0
// What few decoders have beside attention and MLP of their layers.
#include "mhub/rules/decoder_rules.hpp"

namespace mhub {

void add_layer_scalar(Mapping& map, const TransformerConfig& c, const DecoderNames& names) {
  if (c.layer_scalar) layer_rule(map, "layer_scalar", replicated(names.layer + names.layer_scalar, {1}));
}

void add_layer_embeddings(Mapping& map, const TransformerConfig& c, const DecoderNames& names) {
  if (!c.layer_embeddings) return;
  const std::int64_t d = c.layer_embeddings->size, all = c.num_layers * d, h = c.hidden_size;
  // Its rows are tokens, and nothing pads them (gemma4_provider.py, _attach_ple_modules).
  map.rule("per_layer_embedding.weight",
           column(names.layer_embedding + ".weight", {c.layer_embeddings->vocab_size, all}));
  map.rule("per_layer_model_proj.weight", column(names.layer_input + ".weight", {all, h}));
  map.rule("per_layer_proj_norm.weight", replicated(names.layer_input_norm + ".weight", {d}));
  layer_rule(map, "per_layer_input_gate.weight",
             replicated(names.layer + names.layer_gate + ".weight", {d, h}));
  layer_rule(map, "per_layer_projection.weight",
             replicated(names.layer + names.layer_projection + ".weight", {h, d}));
  add_norm(map, c, "decoder.layers.{i}.post_per_layer_input_norm.",
           names.layer + names.layer_projection_norm);
}

}  // namespace mhub
