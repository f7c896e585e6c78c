// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/hf/hf_model.hpp"

#include "mhub/base/config_error.hpp"
#include "mhub/base/error.hpp"
#include "mhub/formats/hf/quantization.hpp"

namespace mhub {
namespace {

template <typename Result, typename Function>
Result checked(const ConfigReader& config, const Function& function) {
  try {
    return function();
  } catch (const ConfigError& error) {
    throw InputError(config.file() + ": this config cannot be mapped: " + error.what());
  }
}

}  // namespace

TransformerConfig megatron_config(const ModelDescriptor& model, const ConfigReader& config) {
  return checked<TransformerConfig>(config, [&] { return model.megatron(config); });
}

Mapping declared_mapping(const ModelDescriptor& model, const ConfigReader& config) {
  return checked<Mapping>(config, [&] { return model.mapping(config); });
}

ExpandedMapping expanded_mapping(const Mapping& mapping, const ConfigReader& config) {
  return checked<ExpandedMapping>(config, [&] { return expand(mapping); });
}

ConfigReader completed_config(const ModelDescriptor& model, const ConfigReader& config,
                              const TensorSource& tensors) {
  ConfigReader decoded = without_quantization(config);
  if (!model.completed_config) return decoded;
  return {checked<nlohmann::json>(decoded, [&] { return model.completed_config(decoded, tensors); }),
          config.file()};
}

const StoredTensor* find_spelled(const TensorSource& tensors, const Mapping& mapping,
                                 const std::string& declared) {
  for (const std::string& one : mapping.names_of(declared)) {
    if (const StoredTensor* tensor = tensors.find(one)) return tensor;
  }
  return nullptr;
}

std::vector<StateTensor> listed(const TensorSource& tensors) {
  std::vector<StateTensor> list;
  list.reserve(tensors.tensors().size());
  for (const StoredTensor& tensor : tensors.tensors()) list.push_back({tensor.name, tensor.shape});
  return list;
}

}  // namespace mhub
