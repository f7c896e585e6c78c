// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <variant>

#include "mhub/image/image.hpp"

namespace mhub {

/// A picture as a caller has it: a file's path, a file's bytes, or pixels.
using ImageInput = std::variant<std::string, std::vector<std::byte>, Image>;

/// Upright RGB, and what to call it in messages: its path, or "picture 3" for number 2. Throws as
/// decode_image and read_image do.
std::pair<Image, std::string> read_input(const ImageInput& input, std::size_t number);

}  // namespace mhub
