#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mhub {

/// A canonical name taken apart at its layer number: "decoder.layers." 17 "mlp.linear_fc2.weight".
struct LayerName {
  std::string before;  ///< up to and including the dot before the number
  std::int64_t layer = 0;
  std::string after;  ///< from behind the dot after the number
};

/// Takes a decoder layer's tensor name apart; nothing for tensors outside `decoder.layers`.
std::optional<LayerName> decoder_layer(std::string_view canonical_name);

/// Which pipeline stage owns which decoder layer: equal runs of consecutive layers (Megatron-Core
/// transformer_layer.py, get_transformer_layer_offset, without virtual stages). Throws InputError when the
/// layers do not divide.
class PipelineSplit {
 public:
  PipelineSplit(std::int64_t layers, int stages);
  int stages() const { return stages_; }
  int stage_of_layer(std::int64_t layer) const { return static_cast<int>(layer / per_stage_); }
  std::int64_t first_layer(int stage) const { return stage * per_stage_; }
  /// The stage of any canonical tensor: embeddings and encoders of other modalities live on the first, the
  /// final norm, the output layer and multi-token-prediction blocks on the last.
  int stage_of(std::string_view canonical_name) const;

 private:
  int stages_;
  std::int64_t per_stage_;
};

}  // namespace mhub
