// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/weight_files.hpp"

#include <algorithm>
#include <string_view>

#include "mhub/store/safetensors/safetensors.hpp"
#include "mhub/store/torch_zip/torch_zip.hpp"

namespace mhub {

const std::array<const ShardedFiles*, 2>& weight_files() {
  static const std::array<const ShardedFiles*, 2> kinds{&kSafetensors, &kTorchBin};
  return kinds;
}

bool holds_weights(const std::filesystem::path& file) {
  // Voices, a few vectors each, beside which transformers looks for a Qwen2.5-Omni (modeling_qwen2_5_omni.py,
  // from_pretrained).
  if (file.filename() == "spk_dict.pt") return false;
  constexpr std::array<std::string_view, 16> kEndings{
      ".safetensors", ".bin",  ".pt",  ".pth",       ".ckpt",   ".h5",     ".hdf5", ".msgpack",
      ".gguf",        ".onnx", ".npz", ".onnx_data", ".distcp", ".tflite", ".ot",   ".nemo"};
  return std::find(kEndings.begin(), kEndings.end(), file.extension()) != kEndings.end();
}

}  // namespace mhub
