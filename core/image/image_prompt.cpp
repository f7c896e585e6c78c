// SPDX-License-Identifier: Apache-2.0
#include "mhub/image/image_prompt.hpp"

#include "mhub/base/error.hpp"
#include "mhub/image/processor/prompts.hpp"

namespace mhub {
namespace {

struct PromptEntry {
  std::string_view name;
  image::MakePrompt* make;
};

/// One line a processor of prompts (processing_auto.py).
constexpr PromptEntry kPrompts[] = {
    {"LlavaProcessor", image::make_llava_prompt},
    {"LlavaNextProcessor", image::make_llava_next_prompt},
    {"PixtralProcessor", image::make_pixtral_prompt},
    {"Gemma3Processor", image::make_gemma3_prompt},
    {"Qwen2VLProcessor", image::make_qwen2_vl_prompt},
    {"Qwen2_5_VLProcessor", image::make_qwen2_vl_prompt},
    {"Qwen3VLProcessor", image::make_qwen2_vl_prompt},
    {"Llama4Processor", image::make_llama4_prompt},
    {"Glm4vProcessor", image::make_glm4v_prompt},
    {"Glm46VProcessor", image::make_glm4v_prompt},
    {"InternVLProcessor", image::make_internvl_prompt},
    {"LlavaOnevisionProcessor", image::make_llava_onevision_prompt},
    {"Idefics3Processor", image::make_idefics3_prompt},
    {"SmolVLMProcessor", image::make_smolvlm_prompt},
    {"PaliGemmaProcessor", image::make_paligemma_prompt},
};

}  // namespace

std::string ImagePrompt::filled(std::string_view prompt, std::span<const ProcessedImage> pictures) const {
  std::string out;
  std::size_t count = 0;
  for (std::size_t begin = 0;; ++count) {
    const std::size_t at = prompt.find(placeholder_, begin);
    out += prompt.substr(begin, at - begin);
    if (at == prompt.npos) break;
    if (count < pictures.size()) out += written(pictures[count]);
    begin = at + placeholder_.size();
  }
  if (count != pictures.size())
    throw UsageError("the prompt has " + std::to_string(count) + " times " + placeholder_ +
                     ", which stands for a picture, and there are " + std::to_string(pictures.size()) +
                     " pictures");
  return out;
}

std::unique_ptr<ImagePrompt> make_image_prompt(const ProcessorFiles& files, const std::string& usual_class) {
  const std::string name =
      files.processor.string("processor_class", files.preprocessor.string("processor_class", usual_class));
  std::string known;
  for (const PromptEntry& entry : kPrompts) {
    if (entry.name == name) return entry.make(files);
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  if (name.empty()) files.processor.fail("processor_class", "is missing; known ones: " + known);
  files.processor.fail("processor_class", "'" + name + "' is not known; known ones: " + known);
}

namespace image {

std::string special_token(const ProcessorFiles& files, const std::string& key, const std::string& usual) {
  for (const JsonObject* file : {&files.tokenizer, &files.processor}) {
    const auto at = file->json().find(key);
    if (at == file->json().end() || at->is_null()) continue;
    // Older tokenizer_config.json have whole AddedTokens here.
    if (at->is_object() && at->contains("content") && (*at)["content"].is_string()) return (*at)["content"];
    return file->string(key);
  }
  const auto more = files.tokenizer.json().find("extra_special_tokens");
  if (more != files.tokenizer.json().end() && more->is_object()) {
    const auto at = more->find(key);
    if (at != more->end() && at->is_string()) return *at;
  }
  if (usual.empty()) files.tokenizer.fail(key, "is missing: which token stands for a picture?");
  return usual;
}

std::int64_t at_least(const JsonObject& file, const std::string& key, std::int64_t least,
                      std::optional<std::int64_t> usual) {
  const std::int64_t value = file.integer(key, usual);
  if (value < least || value > 1 << 20)
    file.fail(key,
              "expected a number of " + std::to_string(least) + " to 2^20, found " + std::to_string(value));
  return value;
}

std::string repeated(const std::string& token, std::int64_t times, const std::string& separator) {
  std::string out;
  for (std::int64_t k = 0; k < times; ++k) out += (k > 0 ? separator : "") + token;
  return out;
}

}  // namespace image
}  // namespace mhub
