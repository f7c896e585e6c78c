// SPDX-License-Identifier: Apache-2.0
#include "mhub/pretrained/pretrained_vlm.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/pretrained/chat_images.hpp"
#include "mhub/runtime/context_length.hpp"
#include "mhub/runtime/make_backend.hpp"
#include "mhub/runtime/vision_tower.hpp"

namespace mhub {
namespace {

/// Rows of a picture that the prompt has placed so far.
class Rows {
 public:
  Rows(std::span<const runtime::PictureFeatures> pictures, std::size_t width)
      : pictures_(pictures), width_(width) {}

  /// The next rows for `tokens` image tokens that stand from `position` on: of one picture, at most.
  runtime::Decoder::Features next(std::int64_t position, std::int64_t tokens) {
    while (picture().values.size() == begin_ * width_) {
      ++number_;
      begin_ = 0;
    }
    const std::size_t count =
        std::min(static_cast<std::size_t>(tokens), picture().values.size() / width_ - begin_);
    auto rows = [&](const std::vector<float>& values) {
      return std::span(values).subspan(begin_ * width_, count * width_);
    };
    runtime::Decoder::Features features{position, rows(picture().values)};
    for (const std::vector<float>& values : picture().deep) features.deep.push_back(rows(values));
    begin_ += count;
    return features;
  }
  const runtime::PictureFeatures& picture() const { return pictures_[number_]; }

 private:
  std::span<const runtime::PictureFeatures> pictures_;
  std::size_t width_, number_ = 0, begin_ = 0;
};

}  // namespace

VLM VLM::from_pretrained(const std::string& source, const LoadOptions& options,
                         const VisionProcessor::Options& pictures) {
  CausalLM model = CausalLM::from_pretrained(source, options);
  std::optional<runtime::Eyes> eyes = runtime::eyes_of(model.checkpoint());
  if (!eyes) {
    const ModelDescriptor& descriptor = *model.checkpoint().model;
    throw InputError(source + ": a " + descriptor.class_name +
                     (descriptor.dual_encoder
                          ? " answers no prompts; `mhub features` compares its pictures with texts"
                          : " sees no pictures here"));
  }
  VisionProcessor::Options files = pictures;
  if (files.processor_class.empty()) files.processor_class = eyes->processor_class;
  if (files.image_processor_type.empty()) files.image_processor_type = eyes->image_processor_type;
  files.tile_grids = eyes->tile_grids;
  return {std::move(model), std::move(*eyes), std::move(files)};
}

const VisionProcessor& VLM::processor() {
  if (!processor_) {
    if (checkpoint().files == nullptr)
      throw InputError(checkpoint().path + ": has no files that say how pictures are processed");
    processor_ = VisionProcessor::from_files(*checkpoint().files, picture_options_);
  }
  return *processor_;
}

VlmInputs VLM::process_images_and_text(const std::vector<ImageInput>& images, std::string_view text) {
  return with_text(images, text, true);
}

VlmInputs VLM::process_images_and_chat(const std::vector<ImageInput>& images, const ChatRequest& request) {
  const std::vector<ImageInput> shown = chat_images(request.messages, images);
  const std::string text = chat_template().render(request);
  return with_text(shown, text, !has_special_tokens(text));
}

std::vector<ProcessedImage> VLM::process_images(const std::vector<ImageInput>& images) {
  std::vector<ProcessedImage> pictures;
  for (std::size_t k = 0; k < images.size(); ++k) {
    const auto [picture, name] = read_input(images[k], k);
    pictures.push_back(processor().process(picture, name, images.size()));
  }
  return pictures;
}

VlmInputs VLM::with_text(const std::vector<ImageInput>& images, std::string_view text, bool special_tokens) {
  VlmInputs inputs{{}, process_images(images)};
  const TokenIds ids = tokenizer().encode(
      processor().prompt().filled(text, inputs.pictures),
      {.add_special_tokens = special_tokens && !processor().prompt().has_special_tokens()});
  inputs.input_ids.assign(ids.begin(), ids.end());
  return inputs;
}

runtime::VisionTower& VLM::tower() {
  if (!tower_) {
    tower_backend_ = runtime::make_backend({"cpu", load_options().threads});
    tower_ = std::make_shared<runtime::VisionTower>(checkpoint(), *tower_backend_, load_options().dtype);
  }
  return *tower_;
}

std::vector<runtime::PictureFeatures> VLM::image_features(const VlmInputs& inputs) {
  // Asked before the tower works.
  runtime::require_length(transformer_config(), static_cast<std::int64_t>(inputs.input_ids.size()));
  std::vector<runtime::PictureFeatures> features;
  std::size_t numbers = 0;
  for (const ProcessedImage& picture : inputs.pictures)
    numbers += features.emplace_back(tower().features(picture)).values.size();
  const auto tokens = std::count(inputs.input_ids.begin(), inputs.input_ids.end(), eyes_.image_token);
  const auto rows = static_cast<std::int64_t>(numbers) / transformer_config().hidden_size;
  if (tokens != rows)
    throw InputError(checkpoint().path + ": the prompt has " + std::to_string(tokens) + " image tokens (" +
                     std::to_string(eyes_.image_token) + ") and the pictures " + std::to_string(rows) +
                     " features; do processor_config.json and config.json fit together?");
  return features;
}

runtime::Prompt VLM::placed(const std::vector<std::int64_t>& input_ids,
                            std::span<const runtime::PictureFeatures> features) const {
  const auto width = static_cast<std::size_t>(transformer_config().hidden_size);
  Rows rows(features, width);
  runtime::Prompt prompt{input_ids};
  if (eyes_.prompt_at_once && !features.empty())
    prompt.together.push_back({0, static_cast<std::int64_t>(input_ids.size())});
  for (std::size_t at = 0; at < input_ids.size();) {
    std::size_t end = at;
    while (end < input_ids.size() && input_ids[end] == eyes_.image_token) ++end;
    const auto first = static_cast<std::int64_t>(at);
    if (end > at && eyes_.picture_at_once) prompt.together.push_back({first, static_cast<std::int64_t>(end)});
    while (at < end) {
      const auto position = static_cast<std::int64_t>(at);
      prompt.features.push_back(rows.next(position, static_cast<std::int64_t>(end - at)));
      const std::size_t count = prompt.features.back().values.size() / width;
      if (eyes_.rotary && count * width != rows.picture().values.size())
        throw InputError(checkpoint().path + ": the image tokens of a picture have to stand together, " +
                         std::to_string(rows.picture().values.size() / width) + " of them; from token " +
                         std::to_string(position) + " on there are " + std::to_string(end - at));
      if (eyes_.rotary) prompt.grids.push_back({position, rows.picture().rows, rows.picture().columns});
      at += count;
    }
    at = end + 1;
  }
  return prompt;
}

std::vector<TextGeneration> VLM::generate_batch(const std::vector<VlmInputs>& inputs,
                                                const GenerateOptions& options) {
  if (options.on_text) throw UsageError("on_text follows one answer, and a batch has several");
  std::vector<std::vector<runtime::PictureFeatures>> features;
  std::vector<runtime::Prompt> prompts;
  for (const VlmInputs& one : inputs) features.push_back(image_features(one));
  for (std::size_t k = 0; k < inputs.size(); ++k) prompts.push_back(placed(inputs[k].input_ids, features[k]));
  return generate_all(prompts, options);
}

TextGeneration VLM::generate(const VlmInputs& inputs, const GenerateOptions& options) {
  const std::vector<runtime::PictureFeatures> features = image_features(inputs);
  return CausalLM::generate(placed(inputs.input_ids, features), options);
}

}  // namespace mhub
