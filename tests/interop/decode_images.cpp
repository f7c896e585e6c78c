// SPDX-License-Identifier: Apache-2.0
// Decodes pictures for image_check.py. Each line of the input is a JSON object:
//   {"path": FILE, "size": [WIDTH, HEIGHT], "resample": NUMBER, "backend": "pillow" or "torchvision"}
// of which the last three may be absent; the output is for each a line {"width": ..., "height": ...} and then
// the bytes of its pixels, or a line {"error": ...}.
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/image/resize.hpp"

namespace {

mhub::Image picture_of(const nlohmann::json& request) {
  const auto path = request.at("path").get<std::string>();
  const mhub::Image picture = mhub::read_image(path);
  if (!request.contains("size")) return picture;
  const bool torch = request.at("backend") == "torchvision";
  return mhub::resized(picture, request["size"][0].get<std::int64_t>(),
                       request["size"][1].get<std::int64_t>(),
                       static_cast<mhub::Resample>(request.at("resample").get<int>()),
                       torch ? mhub::ImageBackend::torchvision : mhub::ImageBackend::pillow, path);
}

void answer(const std::string& line) {
  try {
    const mhub::Image picture = picture_of(mhub::parse_json(line, "standard input"));
    std::cout << mhub::json_text({{"width", picture.width}, {"height", picture.height}}) << '\n';
    std::cout.write(reinterpret_cast<const char*>(picture.rgb.data()),
                    static_cast<std::streamsize>(picture.rgb.size()));
  } catch (const mhub::Error& error) {
    std::cout << mhub::json_text({{"error", error.what()}}) << '\n';
  }
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) answer(line);
  std::cout.flush();
}
