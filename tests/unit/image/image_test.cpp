// SPDX-License-Identifier: Apache-2.0
// Pictures decoded and resized as Pillow and torch did it (tests/golden/record_pictures.py), and what is no
// picture.
#include "mhub/image/image.hpp"

#include <fstream>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/image/codec.hpp"
#include "mhub/image/orientation.hpp"
#include "mhub/image/resize.hpp"
#include "mhub/text/base64.hpp"

BOOST_AUTO_TEST_SUITE(images)

using namespace mhub;
using namespace mhub::tests;

namespace {

std::vector<std::uint8_t> from_base64(const std::string& text) {
  const std::string bytes = text::decode_base64(text, "pictures.json");
  return {bytes.begin(), bytes.end()};
}

const nlohmann::json& facts() {
  static const nlohmann::json json = nlohmann::json::parse(std::ifstream(MHUB_GOLDEN_PICTURES));
  return json;
}

image::Bytes bytes_of(const std::vector<std::uint8_t>& data) { return std::as_bytes(std::span(data)); }

Image decoded(const std::string& name) {
  const std::vector<std::uint8_t> file = from_base64(facts()["pictures"][name]["file"].get<std::string>());
  return decode_image(bytes_of(file), name);
}

Image numbered(std::int64_t width, std::int64_t height) {
  Image picture{width, height, {}};
  for (std::int64_t k = 0; k < width * height; ++k)
    picture.rgb.insert(picture.rgb.end(), 3, static_cast<std::uint8_t>(k));
  return picture;
}

/// The first channel.
std::vector<int> reds(const Image& picture) {
  std::vector<int> out;
  for (std::size_t k = 0; k < picture.rgb.size(); k += 3) out.push_back(picture.rgb[k]);
  return out;
}

image::Decoded with_exif(const std::string& tiff) {
  image::Decoded decoded;
  for (const char c : tiff) decoded.exif.push_back(static_cast<std::byte>(c));
  return decoded;
}

}  // namespace

BOOST_AUTO_TEST_CASE(files_of_every_kind_give_the_pixels_of_pillow) {
  for (const auto& [name, wanted] : facts()["pictures"].items()) {
    const Image picture = decoded(name);
    BOOST_TEST(picture.width == wanted["size"][0], name);
    BOOST_TEST(picture.height == wanted["size"][1], name);
    BOOST_TEST((picture.rgb == from_base64(wanted["rgb"].get<std::string>())), name);
  }
}

BOOST_AUTO_TEST_CASE(every_filter_is_that_of_its_library) {
  const Image picture = decoded(facts()["resized"]["of"].get<std::string>());
  for (const nlohmann::json& wanted : facts()["resized"]["as"]) {
    const auto backend = wanted["backend"] == "pillow" ? ImageBackend::pillow : ImageBackend::torchvision;
    const Image out =
        resized(picture, wanted["size"][0].get<std::int64_t>(), wanted["size"][1].get<std::int64_t>(),
                static_cast<Resample>(wanted["resample"].get<int>()), backend, "picture");
    BOOST_TEST((out.rgb == from_base64(wanted["rgb"].get<std::string>())),
               wanted["size"] << " by " << wanted["resample"] << " of " << wanted["backend"]);
  }
}

BOOST_AUTO_TEST_CASE(a_picture_is_turned_upright) {
  const Image stored = numbered(3, 2);
  const std::vector<std::vector<int>> expected{{0, 1, 2, 3, 4, 5}, {2, 1, 0, 5, 4, 3}, {5, 4, 3, 2, 1, 0},
                                               {3, 4, 5, 0, 1, 2}, {0, 3, 1, 4, 2, 5}, {3, 0, 4, 1, 5, 2},
                                               {5, 2, 4, 1, 3, 0}, {2, 5, 1, 4, 0, 3}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Image turned = image::upright(stored, orientation);
    BOOST_TEST((reds(turned) == expected[static_cast<std::size_t>(orientation) - 1]), orientation);
    BOOST_TEST(turned.width == (orientation >= 5 ? 2 : 3), orientation);
  }
}

BOOST_AUTO_TEST_CASE(what_says_how_to_turn) {
  using namespace std::string_literals;
  const std::string little = "II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"s;
  const std::string big = "MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0"s;
  BOOST_TEST(image::orientation_of(with_exif(little)) == 6);
  BOOST_TEST(image::orientation_of(with_exif(big)) == 8);
  BOOST_TEST(image::orientation_of(with_exif(little.substr(0, 15))) == 1);
  BOOST_TEST(image::orientation_of(with_exif("II\x2a\0\xff\xff\xff\xff"s)) == 1);
  image::Decoded xmp;
  xmp.xmp = "<a tiff:OrientationX=\"4\"/><b tiff:Orientation=\"3\"/>";
  BOOST_TEST(image::orientation_of(xmp) == 3);
  xmp.xmp = "<tiff:Orientation>9</tiff:Orientation>";
  BOOST_TEST(image::orientation_of(xmp) == 1);
}

BOOST_AUTO_TEST_CASE(cut_off_pictures_are_refused) {
  for (const auto& [name, wanted] : facts()["pictures"].items()) {
    const std::vector<std::uint8_t> file = from_base64(wanted["file"].get<std::string>());
    for (std::size_t size = 0; size < file.size(); ++size) {
      const std::vector<std::uint8_t> part(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
      try {
        // A format may have room behind its pixels.
        const Image picture = decode_image(bytes_of(part), name);
        BOOST_TEST(picture.width == wanted["size"][0], name << " of " << size);
      } catch (const InputError& error) {
        BOOST_TEST(std::string(error.what()).starts_with(name + ": "), error.what());
      }
    }
    BOOST_CHECK_THROW(
        decode_image(bytes_of({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(file.size() / 2)}),
                     name),
        InputError);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_picture_or_too_large_a_one) {
  using namespace std::string_literals;
  const auto refused = [](const std::string& content, const std::string& word) {
    BOOST_CHECK_EXCEPTION(decode_image(std::as_bytes(std::span(content)), "file"), InputError,
                          message_has("file: ", word));
  };
  refused("", "empty");
  refused("%PDF-1.7", "JPEG, PNG, WebP, GIF, BMP");
  const std::string bitmap = "BM"s + std::string(8, '\0') + "\x36\0\0\0\x28\0\0\0"s;
  refused(bitmap + "\xff\xff\0\0\xff\xff\0\0\1\0\x18\0"s + std::string(24, '\0'), "65535 x 65535 pixels");
  refused(bitmap + "\0\0\0\0\1\0\0\0\1\0\x18\0"s + std::string(24, '\0'), "0 x 1 pixels");
  refused(bitmap + "\2\0\0\0\2\0\0\0\1\0\x07\0"s + std::string(24, '\0'), "7 bits per pixel");
  BOOST_CHECK_THROW(
      resized(numbered(2, 2), 1 << 20, 1 << 20, Resample::bicubic, ImageBackend::pillow, "file"), InputError);
}

BOOST_AUTO_TEST_SUITE_END()
