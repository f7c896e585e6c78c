// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/rules/decoder_rules.hpp"

namespace mhub {

/// Where a Hugging Face state has the multi-token-prediction block {t}. Names are whole.
struct MtpNames {
  std::string layer;            ///< its decoder layer, to which DecoderNames' names are relative
  std::string projection;       ///< of [embedding; hidden state], without ".weight"
  std::string embedding_norm;   ///< of the embedding, before the projection
  std::string hidden_norm;      ///< of the hidden state, before the projection
  std::string final_norm;       ///< behind the layer
  std::string embedding, head;  ///< copies of the embedding and of the output layer; empty: none are stored
};

/// Multi-token prediction: as many blocks as the config says, each built like the last decoder layer.
/// Megatron shares embedding and output layer with the decoder, so copies in the state must be equal to them.
/// Call it when all rules of the decoder are there.
void add_mtp(Mapping& map, const TransformerConfig& config, const DecoderNames& names, const MtpNames& mtp);

/// As DeepSeek-V3 stores it: block t is the state's layer num_layers + t, with "eh_proj", "enorm", "hnorm",
/// "shared_head.norm" and copies "embed_tokens" and "shared_head.head".
void add_mtp(Mapping& map, const TransformerConfig& config, const DecoderNames& names);

}  // namespace mhub
