// SPDX-License-Identifier: Apache-2.0
#include "mhub/pretrained/chat_images.hpp"

#include <cstring>

#include "mhub/base/error.hpp"
#include "mhub/text/base64.hpp"

namespace mhub {
namespace {

using Json = nlohmann::ordered_json;

/// Sounds and films, as chat templates ask for them (Qwen2-Audio's: "audio", or a part that has "audio_url")
/// and as OpenAI's messages have them.
void refuse_others(const Json& part, const Json& type) {
  for (const char* other : {"audio", "audio_url", "input_audio", "video", "video_url"}) {
    if (type == other || (part.contains(other) && !part.at(other).is_null()))
      throw InputError(std::string("a message has a part of type ") + other +
                       ", which mhub does not take; pictures and texts are what it knows");
  }
}

std::vector<const Json*> image_parts(const Json& messages) {
  std::vector<const Json*> parts;
  for (const Json& message : messages) {
    if (!message.is_object() || !message.contains("content") || !message.at("content").is_array()) continue;
    for (const Json& part : message.at("content")) {
      if (!part.is_object()) continue;
      const Json type = part.value("type", Json());
      refuse_others(part, type);
      if (type == "image" || type == "image_url" || (type.is_null() && part.contains("image")))
        parts.push_back(&part);
    }
  }
  return parts;
}

ImageInput decoded(std::string_view encoded, const std::string& name) {
  const std::string bytes = text::decode_base64(encoded, name);
  std::vector<std::byte> copy(bytes.size());
  std::memcpy(copy.data(), bytes.data(), bytes.size());
  return copy;
}

/// load_image of transformers' image_utils.py, but for addresses in a network.
ImageInput named_image(const std::string& text, bool base64, const std::string& name) {
  constexpr std::string_view kData = "data:image/", kFile = "file://";
  if (base64) return decoded(text, name);
  if (text.starts_with(kData)) {
    const std::size_t comma = text.find(',');
    if (comma == std::string::npos) throw InputError(name + ": expected base64 behind a comma");
    return decoded(std::string_view(text).substr(comma + 1), name);
  }
  if (text.starts_with("http://") || text.starts_with("https://"))
    throw InputError(name + ": mhub fetches no pictures; save " + text + " and give its path");
  return text.starts_with(kFile) ? text.substr(kFile.size()) : text;
}

std::optional<ImageInput> own_image(const Json& part, const std::string& name) {
  for (const char* key : {"image", "url", "path", "base64", "image_url"}) {
    if (!part.contains(key)) continue;
    const Json* value = &part.at(key);
    // OpenAI's form, which transformers' processors take too: {"image_url": {"url": ...}}.
    if (value->is_object() && value->contains("url")) value = &value->at("url");
    if (!value->is_string())
      throw InputError(name + ": \"" + key + "\": expected a text, found " + value->type_name());
    return named_image(value->get<std::string>(), std::string_view(key) == "base64", name);
  }
  return std::nullopt;
}

}  // namespace

bool shows_pictures(const Json& messages) { return !image_parts(messages).empty(); }

std::vector<ImageInput> chat_images(const Json& messages, const std::vector<ImageInput>& others) {
  std::vector<ImageInput> images;
  std::size_t used = 0, wanted = 0;
  for (const Json* part : image_parts(messages)) {
    const std::string name = "picture " + std::to_string(images.size() + 1) + " of the conversation";
    std::optional<ImageInput> image = own_image(*part, name);
    if (!image) ++wanted;
    if (!image && used < others.size()) image = others[used++];
    if (image) images.push_back(std::move(*image));
  }
  if (wanted != others.size())
    throw UsageError("the conversation has " + std::to_string(wanted) +
                     " pictures that it does not name itself, and " + std::to_string(others.size()) +
                     " are given");
  return images;
}

}  // namespace mhub
