#include "mhub/model/quantization.hpp"

#include "mhub/store/quantized/block_fp8.hpp"
#include "mhub/store/quantized/mxfp4.hpp"

namespace mhub {
namespace {

constexpr const char* kKey = "quantization_config";
constexpr std::int64_t kLargestBlock = 1 << 20;

ScaleBlock scale_block(const ConfigReader& quantization) {
  if (!quantization.has("weight_block_size")) return {};
  const std::vector<std::int64_t> sizes = quantization.integers("weight_block_size");
  if (sizes.size() != 2 || sizes[0] < 1 || sizes[1] < 1 || sizes[0] > kLargestBlock ||
      sizes[1] > kLargestBlock)
    quantization.fail("weight_block_size", "expected two sizes from 1 to 1048576");
  return {sizes[0], sizes[1]};
}

}  // namespace

TensorSource decoded_weights(TensorSource tensors, const ConfigReader& config) {
  if (!config.has(kKey)) return tensors;
  const ConfigReader quantization = config.object(kKey);
  const std::string method = quantization.string("quant_method");
  if (method == "fp8") {
    quantization.require("fmt", "e4m3");
    quantization.require("activation_scheme", "dynamic");
    return decode_block_fp8(tensors, scale_block(quantization));
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
