// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/hf/hf_checkpoint.hpp"

#include <array>
#include <filesystem>

#include "mhub/base/config_error.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/formats/hf/quantization.hpp"
#include "mhub/plugin/registry.hpp"
#include "mhub/store/safetensors/safetensors_source.hpp"
#include "mhub/store/torch_zip/torch_bin.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

constexpr std::uint64_t kConfigLimit = 16 << 20;

bool has_safetensors(const fs::path& folder) {
  return fs::exists(folder / "model.safetensors") || fs::exists(folder / "model.safetensors.index.json");
}

bool has_torch_bin(const fs::path& folder) {
  return fs::exists(folder / "pytorch_model.bin") || fs::exists(folder / "pytorch_model.bin.index.json");
}

TensorSource open_weights(const std::string& directory) {
  const fs::path folder = directory;
  if (has_safetensors(folder)) return open_safetensors_folder(directory);
  if (has_torch_bin(folder)) return open_torch_bin(directory);
  throw InputError(directory +
                   ": no weights: expected model.safetensors, model.safetensors.index.json, "
                   "pytorch_model.bin or pytorch_model.bin.index.json");
}

ConfigReader read_config(const FileSet& files) {
  const std::string name = "config.json";
  return {parse_config(files.read(name, kConfigLimit), files.place(name)), files.place(name)};
}

template <typename Result, typename Function>
Result checked(const ConfigReader& config, const Function& function) {
  try {
    return function();
  } catch (const ConfigError& error) {
    throw InputError(config.file() + ": this config cannot be mapped: " + error.what());
  }
}

/// The config as plugins see it: of the decoded weights, with what their names say.
ConfigReader model_config(const ModelDescriptor& model, const ConfigReader& config,
                          const TensorSource& tensors) {
  ConfigReader decoded = without_quantization(config);
  if (!model.completed_config) return decoded;
  return {checked<nlohmann::json>(decoded, [&] { return model.completed_config(decoded, tensors); }),
          config.file()};
}

}  // namespace

bool is_hf_checkpoint(const std::string& directory) {
  return fs::is_regular_file(fs::path(directory) / "config.json");
}

bool has_weights(const std::string& directory) {
  return has_safetensors(directory) || has_torch_bin(directory);
}

HfCheckpoint open_hf_checkpoint(const std::string& directory) {
  const auto files = folder_files(directory);
  ConfigReader config = read_config(*files);
  const ModelDescriptor& model = PluginRegistry::instance().find(config);
  TensorSource tensors = decoded_weights(open_weights(directory), config);
  ConfigReader completed = model_config(model, config, tensors);
  return {directory, files, std::move(completed), &model, std::move(tensors)};
}

HfCheckpoint hf_checkpoint(const std::string& path, std::shared_ptr<const FileSet> files,
                           TensorSource tensors) {
  ConfigReader config = read_config(*files);
  const ModelDescriptor& model = PluginRegistry::instance().find(config);
  tensors = decoded_weights(std::move(tensors), config);
  ConfigReader completed = model_config(model, config, tensors);
  return {path, std::move(files), std::move(completed), &model, std::move(tensors)};
}

std::vector<std::string> tokenizer_files(const FileSet& files) {
  // What transformers' save_pretrained of a tokenizer or a processor can write.
  constexpr std::array<const char*, 13> kNames{"preprocessor_config.json",
                                               "processor_config.json",
                                               "tokenizer.json",
                                               "tokenizer_config.json",
                                               "tokenizer.model",
                                               "vocab.json",
                                               "vocab.txt",
                                               "merges.txt",
                                               "added_tokens.json",
                                               "special_tokens_map.json",
                                               "chat_template.jinja",
                                               "chat_template.json",
                                               "spiece.model"};
  std::vector<std::string> present;
  for (const char* name : kNames) {
    if (files.has(name)) present.emplace_back(name);
  }
  for (std::string& name : files.inside("additional_chat_templates")) {
    if (name.ends_with(".jinja")) present.push_back(std::move(name));
  }
  return present;
}

TransformerConfig megatron_config(const ModelDescriptor& model, const ConfigReader& config) {
  return checked<TransformerConfig>(config, [&] { return model.megatron(config); });
}

Mapping declared_mapping(const ModelDescriptor& model, const ConfigReader& config) {
  return checked<Mapping>(config, [&] { return model.mapping(config); });
}

ExpandedMapping expanded_mapping(const Mapping& mapping, const ConfigReader& config) {
  return checked<ExpandedMapping>(config, [&] { return expand(mapping); });
}

std::vector<StateTensor> listed(const TensorSource& tensors) {
  std::vector<StateTensor> list;
  list.reserve(tensors.tensors().size());
  for (const StoredTensor& tensor : tensors.tensors()) list.push_back({tensor.name, tensor.shape});
  return list;
}

}  // namespace mhub
