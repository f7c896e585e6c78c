// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "mhub/image/vision_processor.hpp"
#include "mhub/pretrained/dual_encoder.hpp"
#include "mhub/pretrained/pretrained_causal_lm.hpp"
#include "mhub/runtime/eyes.hpp"

namespace mhub {

namespace runtime {
class VisionTower;
}

/// A prompt with its pictures, ready for the model.
struct VlmInputs {
  std::vector<std::int64_t> input_ids;   ///< image tokens stand where features go
  std::vector<ProcessedImage> pictures;  ///< in the order of the prompt
};

/// A vision-language model from a Hugging Face folder or a Megatron checkpoint of any kind. As CausalLM:
/// headers and small files are read when it is opened, everything else when it is first asked for. The tower
/// runs on the CPU, wherever the decoder runs. Movable; not thread-safe. All functions throw mhub::Error.
class VLM : public CausalLM {
 public:
  static VLM from_pretrained(const std::string& source, const LoadOptions& options = {},
                             const VisionProcessor::Options& pictures = {});

  const VisionProcessor& processor();

  /// The prompt's placeholders (the processor's prompt().placeholder(), "<image>") written out, one for each
  /// picture, and encoded; the pictures as numbers. Throws UsageError when there are not as many of both,
  /// InputError for a picture that cannot be read.
  VlmInputs process_images_and_text(const std::vector<ImageInput>& images, std::string_view text);
  /// The same with a conversation, whose template writes the placeholders: parts {"type": "image"} of a
  /// message's content stand for pictures, those that name their own (chat_images.hpp) or the next of
  /// `images`.
  VlmInputs process_images_and_chat(const std::vector<ImageInput>& images, const ChatRequest& request);
  /// Pictures alone, for prompts that are tokens already.
  std::vector<ProcessedImage> process_images(const std::vector<ImageInput>& images);

  using CausalLM::generate;
  TextGeneration generate(const VlmInputs& inputs, const GenerateOptions& options = {});
  using CausalLM::generate_batch;
  /// Prompts with any numbers of pictures together.
  std::vector<TextGeneration> generate_batch(const std::vector<VlmInputs>& inputs,
                                             const GenerateOptions& options = {});

  /// What the pictures of some tokens become in the decoder. Throws InputError when there are not as many
  /// image tokens as rows, or when a picture does not fit the tower.
  std::vector<runtime::PictureFeatures> image_features(const VlmInputs& inputs);
  /// The tokens with those rows where they go, picture after picture. Borrows `features`.
  runtime::Prompt placed(const std::vector<std::int64_t>& input_ids,
                         std::span<const runtime::PictureFeatures> features) const;

 private:
  VLM(CausalLM&& model, runtime::Eyes eyes, VisionProcessor::Options pictures)
      : CausalLM(std::move(model)), eyes_(std::move(eyes)), picture_options_(std::move(pictures)) {}
  VlmInputs with_text(const std::vector<ImageInput>& images, std::string_view text, bool special_tokens);
  runtime::VisionTower& tower();

  runtime::Eyes eyes_;
  VisionProcessor::Options picture_options_;
  std::optional<VisionProcessor> processor_;
  std::unique_ptr<runtime::Backend> tower_backend_;
  std::shared_ptr<runtime::VisionTower> tower_;
};

/// Stands for whatever class a checkpoint has that answers prompts with pictures.
struct AnyVLM {};

/// What a class of models can do with pictures: answer prompts (VLM), or compare them with texts
/// (DualEncoder) where the plugin's class says so.
template <typename Model>
struct VlmInterface {
  using type = VLM;
};
template <typename Model>
requires(Model::is_dual_encoder) struct VlmInterface<Model> {
  using type = DualEncoder;
};

/// A model of pictures and texts. For a known class `Model` is a plugin's model class:
/// PreTrainedVLM<llava::LlavaForConditionalGeneration>, PreTrainedVLM<clip::CLIPModel>.
template <typename Model = AnyVLM>
class PreTrainedVLM : public VlmInterface<Model>::type {
 public:
  using Interface = typename VlmInterface<Model>::type;

  /// Throws InputError naming both classes when the checkpoint is of another one.
  static PreTrainedVLM from_pretrained(const std::string& source, const LoadOptions& options = {},
                                       const VisionProcessor::Options& pictures = {}) {
    PreTrainedVLM model(Interface::from_pretrained(source, options, pictures));
    if constexpr (!std::is_same_v<Model, AnyVLM>) require_model_class(model.checkpoint(), Model::class_name);
    return model;
  }

 private:
  explicit PreTrainedVLM(Interface&& model) : Interface(std::move(model)) {}
};

}  // namespace mhub
