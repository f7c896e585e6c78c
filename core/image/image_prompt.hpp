// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "mhub/base/json_object.hpp"
#include "mhub/image/image_processor.hpp"

namespace mhub {

/// The files that say how a model's pictures are written into its prompts; an empty object for one that is
/// missing.
struct ProcessorFiles {
  JsonObject processor;     ///< processor_config.json
  JsonObject preprocessor;  ///< preprocessor_config.json, or what processor_config.json has of it
  JsonObject tokenizer;     ///< tokenizer_config.json
};

/// How a model's pictures are written into its prompts, as transformers' processor of the same name does.
class ImagePrompt {
 public:
  virtual ~ImagePrompt() = default;
  /// What stands for one picture in a prompt, as chat templates write it.
  const std::string& placeholder() const { return placeholder_; }
  /// The token whose embeddings the picture's features replace.
  const std::string& image_token() const { return image_token_; }
  /// What takes a placeholder's place.
  virtual std::string written(const ProcessedImage& picture) const = 0;
  /// What the image processor's own file does not say: the config with it.
  virtual nlohmann::json image_config(nlohmann::json preprocessor) const { return preprocessor; }

  /// Whether what `filled` gives has the tokens that begin and end a text already.
  virtual bool has_special_tokens() const { return false; }

  /// The prompt with each placeholder written out. Throws UsageError when there are not as many as pictures.
  virtual std::string filled(std::string_view prompt, std::span<const ProcessedImage> pictures) const;

 protected:
  ImagePrompt(std::string placeholder, std::string image_token)
      : placeholder_(std::move(placeholder)), image_token_(std::move(image_token)) {}

 private:
  std::string placeholder_, image_token_;
};

/// By "processor_class" of the files, or `usual_class` where they do not say. Throws InputError for a class
/// that mhub does not know, and for one that lacks what it needs.
std::unique_ptr<ImagePrompt> make_image_prompt(const ProcessorFiles& files, const std::string& usual_class);

}  // namespace mhub
