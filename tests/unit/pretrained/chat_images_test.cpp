// SPDX-License-Identifier: Apache-2.0
#include "mhub/pretrained/chat_images.hpp"

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"

BOOST_AUTO_TEST_SUITE(chat_images_of)

using namespace mhub;
using namespace mhub::tests;
using Json = nlohmann::ordered_json;

namespace {

Json conversation(const std::vector<Json>& parts) {
  return Json::array({{{"role", "system"}, {"content", "be brief"}}, {{"role", "user"}, {"content", parts}}});
}

std::string path_of(const ImageInput& image) { return std::get<std::string>(image); }

}  // namespace

BOOST_AUTO_TEST_CASE(those_that_parts_name_and_the_others_in_between) {
  const Json messages = conversation({{{"type", "image"}, {"path", "a.png"}},
                                      {{"type", "text"}, {"text", "and"}},
                                      {{"type", "image"}},
                                      {{"type", "image"}, {"url", "file:///b.jpg"}},
                                      {{"type", "image"}, {"image", "data:image/png;base64,QUJD"}},
                                      {{"type", "image"}, {"base64", "QUI="}},
                                      {{"type", "image_url"}, {"image_url", {{"url", "c.png"}}}},
                                      {{"image", "d.png"}}});
  BOOST_TEST(shows_pictures(messages));
  const std::vector<ImageInput> images = chat_images(messages, {std::string("other.png")});
  BOOST_TEST_REQUIRE(images.size() == 7U);
  BOOST_TEST(path_of(images[0]) == "a.png");
  BOOST_TEST(path_of(images[1]) == "other.png");
  BOOST_TEST(path_of(images[2]) == "/b.jpg");
  BOOST_TEST(std::get<std::vector<std::byte>>(images[3]).size() == 3U);
  BOOST_TEST(std::get<std::vector<std::byte>>(images[4]).size() == 2U);
  BOOST_TEST(path_of(images[5]) == "c.png");
  BOOST_TEST(path_of(images[6]) == "d.png");
}

BOOST_AUTO_TEST_CASE(as_many_others_as_parts_that_name_none) {
  const Json one = conversation({{{"type", "image"}}});
  BOOST_CHECK_EXCEPTION(chat_images(one, {}), UsageError, message_has("has 1 pictures", "0 are given"));
  BOOST_CHECK_EXCEPTION(chat_images(one, {std::string("a"), std::string("b")}), UsageError,
                        message_has("has 1 pictures", "2 are given"));
  const Json none = Json::array({{{"role", "user"}, {"content", "no picture"}}, "not a message"});
  BOOST_TEST(!shows_pictures(none));
  BOOST_TEST(chat_images(none, {}).empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_picture_here) {
  const auto refused = [](const Json& part, const std::string& why) {
    BOOST_CHECK_EXCEPTION(chat_images(conversation({part}), {}), InputError,
                          message_has("picture 1 of the conversation", why));
  };
  refused({{"type", "image"}, {"url", "https://example.org/a.png"}}, "fetches no pictures");
  refused({{"type", "image"}, {"path", 7}}, "expected a text");
  refused({{"type", "image"}, {"image", "data:image/png;base64"}}, "behind a comma");
  refused({{"type", "image"}, {"base64", "*"}}, "base64");
  const auto other = [](const Json& part, const std::string& type) {
    BOOST_CHECK_EXCEPTION(shows_pictures(conversation({part})), InputError, message_has("type " + type));
  };
  other({{"type", "video"}, {"path", "a.mp4"}}, "video");
  other({{"type", "audio"}, {"audio_url", "a.wav"}}, "audio");
  other({{"audio_url", {{"url", "a.wav"}}}}, "audio_url");
  other({{"type", "input_audio"}, {"input_audio", {{"data", ""}}}}, "input_audio");
  const Json columns{{"type", "text"}, {"text", "x"}, {"audio", nullptr}, {"video", nullptr}};
  BOOST_TEST(!shows_pictures(conversation({columns})));
}

BOOST_AUTO_TEST_SUITE_END()
