// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/image/processor/fields.hpp"

namespace mhub::image {

/// A picture that was padded to a canvas's shape: how much of the canvas's grid of features is not padding
/// (_get_unpadded_features of processing_llava_next.py); the rest lies around it, half on either side
/// (unpad_image of modeling_llava_next.py).
Extent unpadded(Extent grid, Extent picture);

/// The grid of a picture of which so many features are wanted at most, or the same where they are no more
/// than a tenth too many along a side (anyres_max of modeling_llava_onevision.py).
Extent at_most(Extent grid, std::int64_t features);

}  // namespace mhub::image
