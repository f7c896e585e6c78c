// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/image/processor/prompts.hpp"
#include "mhub/image/processor/steps.hpp"

namespace mhub::image {

/// Pictures as patches of their own shape (Qwen-VL, GLM-V): what their sizes may be.
struct PatchLimits {
  std::int64_t block = 0;             ///< pixels along a side of what becomes one token
  std::int64_t frames = 1;            ///< temporal_patch_size: so many times is a picture there
  std::int64_t fewest = 0, most = 0;  ///< pixels
};
/// What a picture is resized to ("smart_resize").
using SmartResize = Extent(Extent picture, const PatchLimits& limits, Making& making);

struct PatchDefaults {
  Size size;             ///< whose two "edges" are numbers of pixels
  bool has_older_names;  ///< min_pixels and max_pixels, which count before "size"
  SmartResize* resize;
};
std::unique_ptr<ImageProcessor> make_patches(const ProcessorFields& fields, ImageBackend backend,
                                             const PatchDefaults& defaults);

/// What is in every smart_resize: both sides whole blocks, the number of pixels, each counted so many times,
/// within the limits, the shape as it was. Throws InputError, which names the picture, for a picture that is
/// more than 200 times as long as wide.
Extent whole_blocks(double height, double width, const PatchLimits& limits, std::int64_t times,
                    Making& making);

/// A prompt with a token for each block of patches; `usual` is the token where the files do not say.
std::unique_ptr<ImagePrompt> make_patches_prompt(const ProcessorFiles& files, const std::string& usual);

}  // namespace mhub::image
