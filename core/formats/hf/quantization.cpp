// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/hf/quantization.hpp"

#include "mhub/store/quantized/fp8.hpp"
#include "mhub/store/quantized/mxfp4.hpp"

namespace mhub {
namespace {

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

TensorSource decoded_weights(TensorSource tensors, const ConfigReader& config) {
  if (!config.has(kKey)) return tensors;
  const ConfigReader quantization = config.object(kKey);
  const std::string method = quantization.string("quant_method");
  if (method == "fp8") {
    quantization.require("fmt", "e4m3");
    const std::string scheme = quantization.string("activation_scheme", "dynamic");
    if (scheme != "dynamic" && scheme != "static")
      quantization.fail("activation_scheme", "expected \"dynamic\" or \"static\"");
    return decode_fp8(tensors, scale_block(quantization));
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
