// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/pretrained/image_input.hpp"

namespace mhub {

/// Whether a message of the conversation has a picture among the parts of its content: {"type": "image"} or
/// OpenAI's {"type": "image_url"}. Throws InputError for a video or a sound.
bool shows_pictures(const nlohmann::ordered_json& messages);

/// The pictures of a conversation, in its order: those that parts name themselves, under "image", "url",
/// "path", "base64" or "image_url" as transformers' apply_chat_template has it (a file's path, "file://" in
/// front of it or not, or base64 of its bytes), and `others`, one after another, for parts that name none.
/// Throws InputError for an address in a network and for what is no text, UsageError when `others` are more
/// or fewer than their parts.
std::vector<ImageInput> chat_images(const nlohmann::ordered_json& messages,
                                    const std::vector<ImageInput>& others);

}  // namespace mhub
