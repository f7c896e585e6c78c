// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/image/codec.hpp"

namespace mhub::image {

/// What EXIF's tag 0x0112 says, 1 to 8; without it what XMP's tiff:Orientation says; else 1, upright.
/// What cannot be read counts as not there, as in Pillow.
int orientation_of(const Decoded& decoded);

/// The picture turned or mirrored so that it stands upright (ImageOps.exif_transpose).
Image upright(Image picture, int orientation);

}  // namespace mhub::image
