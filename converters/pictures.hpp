// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/pretrained/pretrained_vlm.hpp"
#include "options.hpp"

namespace mhub::converters {

/// Declares --image and --image-backend.
void declare_pictures(CommandLine& line);

/// The files that --image names, in their order.
std::vector<ImageInput> images_of(const CommandLine& line);
/// What --image-backend says. Throws UsageError for another backend than there are, and without a picture.
VisionProcessor::Options picture_options(const CommandLine& line);

}  // namespace mhub::converters
