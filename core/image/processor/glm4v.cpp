// SPDX-License-Identifier: Apache-2.0
// GLM-4.1V to 4.6V: Qwen2-VL's patches with another resize, which counts the pixels of all frames
// (image_processing_glm4v.py, image_processing_glm46v.py).
#include <algorithm>
#include <cmath>

#include "mhub/image/processor/patches.hpp"

namespace mhub::image {
namespace {

Extent glm_smart_resized(Extent picture, const PatchLimits& limits, const std::string& name) {
  const auto block = static_cast<double>(limits.block), frames = static_cast<double>(limits.frames);
  auto height = static_cast<double>(picture.height), width = static_cast<double>(picture.width);
  if (height < block || width < block) {
    const double scale = std::max(block / height, block / width);
    height = std::trunc(height * scale);
    width = std::trunc(width * scale);
  }
  require_shape(height, width, name);
  // Python rounds halves to even, as nearbyint does.
  double rows = std::nearbyint(height / block) * block, columns = std::nearbyint(width / block) * block;
  if (frames * rows * columns > static_cast<double>(limits.most)) {
    const double beta = std::sqrt(frames * height * width / static_cast<double>(limits.most));
    rows = std::max(block, std::floor(height / beta / block) * block);
    columns = std::max(block, std::floor(width / beta / block) * block);
  } else if (frames * rows * columns < static_cast<double>(limits.fewest)) {
    const double beta = std::sqrt(static_cast<double>(limits.fewest) / (frames * height * width));
    rows = std::ceil(height * beta / block) * block;
    columns = std::ceil(width * beta / block) * block;
  }
  return {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)};
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
