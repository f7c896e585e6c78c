// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "cli/sized_llama.hpp"
#include "text/small_tokenizers.hpp"

namespace mhub::tests {

/// Text files in the size of a real model's: JSON may end in spaces.
inline constexpr std::size_t kTokenizerBytes = 1 << 20, kGenerationConfigBytes = 300'000;

/// A Llama of `layers` layers with all that belongs to a model that talks: a byte-level tokenizer, a chat
/// template and a generation config.
inline void write_talking_llama(const std::filesystem::path& folder, int layers) {
  auto filled = [](const nlohmann::json& value, std::size_t size) {
    std::string text = value.dump();
    text.append(size - text.size(), ' ');
    return text;
  };
  write_sized_llama(folder, layers);
  TinyLlama::write_text(folder / "tokenizer.json", filled(byte_level_tokenizer(), kTokenizerBytes));
  TinyLlama::write_text(folder / "generation_config.json",
                        filled({{"max_new_tokens", 5}, {"eos_token_id", {299}}}, kGenerationConfigBytes));
  TinyLlama::write_text(folder / "chat_template.jinja",
                        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
                        "{% if add_generation_prompt %}<assistant>{% endif %}");
}

}  // namespace mhub::tests
