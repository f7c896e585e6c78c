// SPDX-License-Identifier: Apache-2.0
// GLM-4.1V to 4.6V: Qwen2-VL's patches with another resize, which counts the pixels of all frames
// (image_processing_glm4v.py, image_processing_glm46v.py).
#include <algorithm>
#include <cmath>

#include "mhub/image/processor/patches.hpp"

namespace mhub::image {
namespace {

Extent glm_smart_resized(Extent picture, const PatchLimits& limits, Making& making) {
  const auto block = static_cast<double>(limits.block);
  auto height = static_cast<double>(picture.height), width = static_cast<double>(picture.width);
  if (height < block || width < block) {
    const double scale = std::max(block / height, block / width);
    height = std::trunc(height * scale);
    width = std::trunc(width * scale);
  }
  return whole_blocks(height, width, limits, limits.frames, making);
}

}  // namespace

std::unique_ptr<ImageProcessor> make_glm4v(const ProcessorFields& fields, ImageBackend backend) {
  const Size size{.shortest_edge = 112 * 112, .longest_edge = 28 * 28 * 15000};
  return make_patches(fields, backend, {size, false, glm_smart_resized});
}

std::unique_ptr<ImagePrompt> make_glm4v_prompt(const ProcessorFiles& files) {
  return make_patches_prompt(files, "<|image|>");
}

}  // namespace mhub::image
