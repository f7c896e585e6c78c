// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "mhub/base/config_error.hpp"
#include "mhub/formats/hf/hf_state.hpp"
#include "mhub/store/quantized/quantized.hpp"

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

constexpr const char* kKey = "quantization_config";
constexpr std::int64_t kLargestBlock = 1 << 20;

/// As FineGrainedFP8Config reads it (quantization_config.py): 128 x 128 where it is not said, and null where
/// a weight has one scale.
std::optional<ScaleBlock> scale_block(const ConfigReader& quantization) {
  const std::string key = "weight_block_size";
  if (!quantization.json().contains(key)) return ScaleBlock{};
  if (!quantization.has(key)) return std::nullopt;
  const std::vector<std::int64_t> sizes = quantization.integers(key);
  if (sizes.size() != 2 || sizes[0] < 1 || sizes[1] < 1 || sizes[0] > kLargestBlock ||
      sizes[1] > kLargestBlock)
    quantization.fail(key, "expected two sizes from 1 to 1048576");
  return ScaleBlock{sizes[0], sizes[1]};
}

}  // namespace

TransformerConfig megatron_config(const ModelDescriptor& model, const ConfigReader& config) {
  return checked<TransformerConfig>(config, [&] { return model.megatron(config); });
}

Mapping declared_mapping(const ModelDescriptor& model, const ConfigReader& config) {
  return checked<Mapping>(config, [&] { return model.mapping(config); });
}

WholeModel whole_model(const ModelDescriptor& model, const ConfigReader& config) {
  return checked<WholeModel>(config, [&] { return model.whole(config); });
}

bool is_ignored(const Mapping& mapping, const std::string& name) {
  const auto& ignored = mapping.ignored();
  return std::any_of(ignored.begin(), ignored.end(),
                     [&](const Mapping::Ignored& one) { return glob_match(one.glob, name); });
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
  if (const StoredTensor* tensor = tensors.find(declared)) return tensor;
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

TensorSource decoded_weights(TensorSource tensors, const ConfigReader& config) {
  if (!config.has(kKey)) return tensors;
  const ConfigReader quantization = config.object(kKey);
  const std::string method = quantization.string("quant_method");
  if (method == "fp8") {
    // MiniMax-M2 has torch's name of the type.
    const std::string type = quantization.string("fmt", "e4m3");
    if (type != "e4m3" && type != "float8_e4m3fn")
      quantization.fail("fmt", "unsupported: \"" + type + "\" (e4m3, or float8_e4m3fn, is)");
    const std::string scheme = quantization.string("activation_scheme", "dynamic");
    if (scheme != "dynamic" && scheme != "static")
      quantization.fail("activation_scheme", "expected \"dynamic\" or \"static\"");
    return decode_fp8(std::move(tensors), scale_block(quantization));
  }
  if (method == "mxfp4") return decode_mxfp4(tensors);
  config.fail(std::string(kKey) + ".quant_method",
              "unsupported: \"" + method + "\" (fp8 with block scales and mxfp4 are)");
}

ConfigReader without_quantization(const ConfigReader& config) {
  if (!config.json().contains(kKey)) return config;
  nlohmann::json json = config.json();
  json.erase(kKey);
  return {std::move(json), config.file()};
}

}  // namespace mhub
