// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/mapping/mapping.hpp"

namespace mhub {

/// Names made from what a tensor is, the same for every model. A name is where the tensor stands, what it is,
/// and Megatron-Core's last word: "layer.3.attention.query.weight".
///
///     embedding.{token,position,class,patch}  embedding_norm  final_norm  output
///     layer.{i}.     {attention,mamba,mlp}_norm in front of a block, {attention,mlp}_post_norm behind one
///       attention.   query key value output query_norm key_norm output_gate sink
///                    latent: {query,key_value}_{down,down_norm,up}, and query where it has no latent
///       delta_net.   query key value z beta alpha, convolution.{query,key,value}, norm output A_log dt_bias
///       mamba.       z x B C dt, convolution.{x,B,C}, norm output A_log D dt_bias
///       mlp.         gate up down router router.correction_bias
///                    expert.{e}.{gate,up,down}, shared_expert.{gate,up,down,output_gate}
///     mtp.{t}.       embedding_norm hidden_norm projection final_norm, and all of a layer: mtp.{t}.layer.
///     vision.        a vision-language model's encoder: embedding., embedding_norm, layer.{i}. ...
///     projector.     {up,down}, from there to the decoder
///     carried.       and the Hugging Face name: what Megatron's model has no place for
///
/// A tensor that Megatron fuses of several is cut: a name has the same meaning in every model, so
/// attention.query.weight has the rows of one q_proj in its order. A part that is none of these keeps
/// Megatron's name behind the layer's. Values are Megatron's (a norm that it stores minus one is so here).

/// What each of these tensors is made of: canonical state -> tensors with uniform names.
StateMap uniform_map(const std::vector<CanonicalTensor>& canonical);

}  // namespace mhub
