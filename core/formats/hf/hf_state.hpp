// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/formats/checkpoint.hpp"
#include "mhub/megatron/layout.hpp"

namespace mhub {

/// Runs a descriptor's function of a config; an InputError for a config that contradicts itself (ConfigError)
/// names the file.
TransformerConfig megatron_config(const ModelDescriptor& model, const ConfigReader& config);
Mapping declared_mapping(const ModelDescriptor& model, const ConfigReader& config);
WholeModel whole_model(const ModelDescriptor& model, const ConfigReader& config);
/// Whether a tensor of that name is one of Mapping::ignored.
bool is_ignored(const Mapping& mapping, const std::string& name);
ExpandedMapping expanded_mapping(const Mapping& mapping, const ConfigReader& config);
/// The config as plugins see it: of the decoded weights, with what their names say.
ConfigReader completed_config(const ModelDescriptor& model, const ConfigReader& config,
                              const TensorSource& tensors);

/// The tensor of that declared name, by any name that the mapping allows; nullptr without one.
const StoredTensor* find_spelled(const TensorSource& tensors, const Mapping& mapping,
                                 const std::string& declared);

/// Names and shapes of what is stored.
std::vector<StateTensor> listed(const TensorSource& tensors);

/// The state as `quantization_config` of a config.json says to read it: block FP8 and MXFP4 weights become
/// bf16 tensors that are decoded while they are read (store/quantized/README.md). Unchanged without that
/// entry. Throws InputError for a method that is not known.
TensorSource decoded_weights(TensorSource tensors, const ConfigReader& config);

/// The config of the decoded state: the same without `quantization_config`.
ConfigReader without_quantization(const ConfigReader& config);

// A Hugging Face state, whatever container it lies in: what a driver does to open one, in this order. All
// throw InputError that names the file.

/// Takes the files beside the tensors, config.json among them, and finds the model's plugin.
void describe_hf(Checkpoint& checkpoint, std::shared_ptr<const FileSet> files);

/// Takes the tensors. Quantised weights appear as the bf16 tensors that they stand for, and the config
/// without its quantization_config (decoded_weights).
void take_hf_tensors(Checkpoint& checkpoint, TensorSource tensors);

/// Binds the tensors to the model's mapping. Every tensor must be used by a rule, repeat another one or be
/// ignored by name; every tensor that a rule needs must be there in the shape that the config implies.
void bind_hf_state(Checkpoint& checkpoint);

/// How the canonical state becomes a Hugging Face state: the inverse of the plugin's mapping, with names
/// (base model prefix or not) and repeated tied tensors as the original had them where they are known.
struct HfLayout {
  Layout layout;
  std::map<std::string, std::string> original_files;  ///< tensor -> file; empty: unknown
};
HfLayout hf_layout(const Checkpoint& source);

/// The source's config.json with the given type in it.
nlohmann::json hf_config(const Checkpoint& source, DType dtype);

}  // namespace mhub
