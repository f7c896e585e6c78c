// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/image/vision_processor.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/pretrained/image_input.hpp"
#include "mhub/pretrained/pretrained_causal_lm.hpp"

namespace mhub {

/// A model that puts pictures and texts into one space, as CLIP does, from a Hugging Face folder or a
/// Megatron checkpoint of any kind. Headers and small files are read when it is opened, everything else when
/// it is first asked for. Runs on the CPU in float32. Movable; not thread-safe. All functions throw
/// mhub::Error.
class DualEncoder {
 public:
  /// Throws InputError for a model that is none of these, UsageError for another device than the CPU.
  static DualEncoder from_pretrained(const std::string& source, const LoadOptions& options = {},
                                     const VisionProcessor::Options& pictures = {});
  DualEncoder(DualEncoder&&) noexcept;
  DualEncoder& operator=(DualEncoder&&) noexcept;
  ~DualEncoder();

  const Checkpoint& checkpoint() const;
  ModelState state() const { return ModelState(checkpoint()); }
  const ImageProcessor& image_processor();
  const Tokenizer& tokenizer();
  /// Numbers of a feature vector.
  std::int64_t projection_dim() const;

  /// transformers' get_image_features and get_text_features: [count, projection_dim()], not normalized.
  std::vector<float> image_features(const std::vector<ImageInput>& images);
  std::vector<float> text_features(const std::vector<std::string>& texts);
  /// logits_per_image: [images, texts], cosines times the model's scale; softmax over a row gives the texts'
  /// probabilities.
  std::vector<float> similarity(const std::vector<ImageInput>& images,
                                const std::vector<std::string>& texts) {
    return similarity_of(image_features(images), text_features(texts));
  }
  /// The same of features.
  std::vector<float> similarity_of(std::vector<float> images, std::vector<float> texts) const;

 private:
  struct Parts;
  explicit DualEncoder(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

/// "DualEncoder..." with the class, both towers and the parameters, from headers alone.
std::ostream& operator<<(std::ostream& out, const DualEncoder& model);

}  // namespace mhub
