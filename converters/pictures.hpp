// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/pretrained/pretrained_vlm.hpp"
#include "options.hpp"

namespace mhub::converters {

/// Declares --image and --image-backend.
void declare_pictures(CommandLine& line);

/// The files that --image names, in their order.
std::vector<ImageInput> images_of(const CommandLine& line);
/// What --image-backend says. Throws UsageError for another backend than there are, and where the command
/// `sees` no picture.
VisionProcessor::Options picture_options(const CommandLine& line, bool sees);

/// Says so where a model that sees is given image tokens and no picture: it takes their embeddings, blind.
void note_blindness(const CausalLM& model, const std::vector<std::int64_t>& tokens);

/// The model of SOURCE as --backend, --threads and --hf-reference say, opened to see where the command `sees`
/// pictures. Prints what is to be said of it.
class OpenedModel {
 public:
  OpenedModel(const CommandLine& line, bool exact, bool sees);

  CausalLM& model() { return eyes_ ? *eyes_ : *plain_; }
  /// Null where no picture is given.
  VLM* eyes() { return eyes_ ? &*eyes_ : nullptr; }

 private:
  std::optional<CausalLM> plain_;
  std::optional<VLM> eyes_;
};

}  // namespace mhub::converters
