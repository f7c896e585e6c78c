// SPDX-License-Identifier: Apache-2.0
#include "mhub/image/image_processor.hpp"

#include "mhub/image/processor/steps.hpp"

namespace mhub {
namespace {

struct Entry {
  std::string_view type;
  image::MakeProcessor* make;
};

/// One line a processor, with the names that transformers gave it over time (image_processing_auto.py).
constexpr Entry kProcessors[] = {
    {"CLIPImageProcessor", image::make_clip},
    {"CLIPFeatureExtractor", image::make_clip},
    {"SiglipImageProcessor", image::make_siglip},
    {"LlavaImageProcessor", image::make_llava},
    {"LlavaNextImageProcessor", image::make_llava_next},
    {"PixtralImageProcessor", image::make_pixtral},
    {"Gemma3ImageProcessor", image::make_gemma3},
    {"Qwen2VLImageProcessor", image::make_qwen2_vl},
    {"Qwen2_5_VLImageProcessor", image::make_qwen2_vl},
    {"Llama4ImageProcessor", image::make_llama4},
    {"Glm4vImageProcessor", image::make_glm4v},
    {"Glm46VImageProcessor", image::make_glm4v},
    {"GotOcr2ImageProcessor", image::make_got_ocr2},
    {"LlavaOnevisionImageProcessor", image::make_llava_onevision},
    {"Idefics3ImageProcessor", image::make_idefics3},
    {"SmolVLMImageProcessor", image::make_idefics3},
};

std::string type_of(const JsonObject& config, const std::string& usual) {
  std::string type = config.string("image_processor_type", config.string("feature_extractor_type", usual));
  for (const std::string_view suffix : {"Fast", "Pil"}) {
    if (type.ends_with(suffix)) type.resize(type.size() - suffix.size());
  }
  return type;
}

}  // namespace

ProcessedImage ImageProcessor::process(const Image& picture, const std::string& name,
                                       std::size_t count) const {
  image::Making making(name);
  return count == 1 ? made(picture, making) : made_of_several(picture, making);
}

std::unique_ptr<ImageProcessor> make_image_processor(const JsonObject& config, const std::string& usual_type,
                                                     ImageBackend backend) {
  const std::string type = type_of(config, usual_type);
  std::string known;
  for (const Entry& entry : kProcessors) {
    if (entry.type == type) return entry.make(image::ProcessorFields(config), backend);
    known += (known.empty() ? "" : ", ") + std::string(entry.type);
  }
  if (type.empty()) config.fail("image_processor_type", "is missing; known ones: " + known);
  config.fail("image_processor_type", "'" + type + "' is not known; known ones: " + known);
}

}  // namespace mhub
