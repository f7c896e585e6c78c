// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mhub/base/file_set.hpp"
#include "mhub/config/config_reader.hpp"
#include "mhub/plugin/descriptor.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// A Hugging Face model, in a folder or in an HDF5 archive of its state: its config, the plugin's descriptor
/// for it and its tensors. Quantised weights appear as the bf16 tensors that they stand for, and the config
/// without its quantization_config (quantization.hpp). Opening reads config.json and the tensor containers'
/// headers, nothing else.
struct HfCheckpoint {
  std::string directory;                 ///< or the archive's path
  std::shared_ptr<const FileSet> files;  ///< config.json and what else lies beside the tensors
  ConfigReader config;
  const ModelDescriptor* model;  ///< owned by the plugin registry
  TensorSource tensors;
};

/// True when the folder has a config.json.
bool is_hf_checkpoint(const std::string& directory);
/// True when the folder has weights in a form that open_hf_checkpoint knows.
bool has_weights(const std::string& directory);
/// Opens safetensors (preferred) or PyTorch .bin weights. Throws InputError or IoError.
HfCheckpoint open_hf_checkpoint(const std::string& directory);
/// The same for what an archive at `path` holds.
HfCheckpoint hf_checkpoint(const std::string& path, std::shared_ptr<const FileSet> files,
                           TensorSource tensors);

/// Files that belong to the tokenizer or the processor of images and travel with a conversion; existing names
/// only.
std::vector<std::string> tokenizer_files(const FileSet& files);

/// Runs a descriptor's function of a config; an InputError for a config that contradicts itself (ConfigError)
/// names the file.
TransformerConfig megatron_config(const ModelDescriptor& model, const ConfigReader& config);
Mapping declared_mapping(const ModelDescriptor& model, const ConfigReader& config);
ExpandedMapping expanded_mapping(const Mapping& mapping, const ConfigReader& config);

/// Names and shapes of what is stored.
std::vector<StateTensor> listed(const TensorSource& tensors);

}  // namespace mhub
