// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mhub/mapping/identity.hpp"

namespace mhub {

/// Whose parameter names a checkpoint carries: TransformerEngine's fused norms
/// ("self_attention.linear_qkv.layer_norm_weight") or the local spec's ("input_layernorm.weight"). In
/// torch_dist both have the first for dense layers (Megatron-Core gpt_layer_specs.py,
/// sharded_state_dict_keys_map).
enum class TransformerImpl { transformer_engine, local };

/// A canonical name as the decoder's module itself has it: "language_model.output_layer.weight" is
/// "output_layer.weight".
std::string_view within_decoder(std::string_view canonical_name);

/// A canonical name taken apart at its layer number: "decoder.layers." 17 "mlp.linear_fc2.weight".
struct LayerName {
  std::string before;  ///< up to and including the dot before the number; names the stack of layers
  std::int64_t layer = 0;
  std::string after;  ///< from behind the dot after the number
};
/// Takes the name of a layer's tensor apart, also one of a module ("vision_model.decoder.layers." 3 ...);
/// nothing for tensors outside `decoder.layers`.
std::optional<LayerName> decoder_layer(std::string_view canonical_name);
/// The same for the stack that pipeline parallelism splits: the model's own or its decoder module's.
std::optional<LayerName> pipeline_layer(std::string_view canonical_name);
/// The same for a multi-token-prediction block, "mtp.layers." 0 "eh_proj.weight".
std::optional<LayerName> mtp_layer(std::string_view canonical_name);

/// A canonical name taken apart at its expert number: "decoder.layers.3.mlp.experts." 17
/// "linear_fc1.weight". The canonical state has SequentialMLP's names:
/// "...mlp.experts.local_experts.17.linear_fc1.weight", with global numbers.
struct ExpertName {
  std::string before;  ///< up to and including "experts."
  std::int64_t expert = 0;
  std::string after;
};
std::optional<ExpertName> expert_name(std::string_view canonical_name);

/// How an expert's parameter is called in a rank's state dict.
enum class ExpertNames {
  grouped,     ///< TEGroupedMLP: "mlp.experts.linear_fc1.weight17"
  sequential,  ///< SequentialMLP: "mlp.experts.local_experts.17.linear_fc1.weight"
};

/// A canonical (TransformerEngine flavoured) name as a rank's state dict of the given implementation spells
/// it; layer and expert numbers are left alone.
std::string parameter_name(const std::string& canonical, TransformerImpl impl);
/// An expert's name with number `local` as a rank's state dict spells it.
std::string expert_parameter_name(const ExpertName& name, std::int64_t local, ExpertNames style);

/// A canonical name as torch_dist keys spell it for a model built from that implementation's layer spec: the
/// local spec puts both norms of a layer where a dense TransformerEngine layer has them, also in layers of
/// experts, unless `local_norm_keys` (LayoutRequest). MambaMixer's conv1d_weight and conv1d_bias are
/// conv1d.weight and conv1d.bias there.
std::string torch_dist_name(const std::string& canonical, TransformerImpl impl, bool local_norm_keys = false);

}  // namespace mhub
