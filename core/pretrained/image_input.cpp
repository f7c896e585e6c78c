// SPDX-License-Identifier: Apache-2.0
#include "mhub/pretrained/image_input.hpp"

namespace mhub {

std::pair<Image, std::string> read_input(const ImageInput& input, std::size_t number) {
  const std::string name = "picture " + std::to_string(number + 1);
  if (const auto* path = std::get_if<std::string>(&input)) return {read_image(*path), *path};
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&input))
    return {decode_image(*bytes, name), name};
  return {std::get<Image>(input), name};
}

}  // namespace mhub
