// SPDX-License-Identifier: Apache-2.0
// PaliGemma's prompts: pictures, the token that begins a text, the text, a line's end
// (processing_paligemma.py). Its pictures are SigLIP's.
#include "mhub/image/processor/prompts.hpp"

namespace mhub::image {
namespace {

class PaliGemmaPrompt final : public ImagePrompt {
 public:
  explicit PaliGemmaPrompt(const ProcessorFiles& files)
      : ImagePrompt("<image>", special_token(files, "image_token", "<image>")),
        begin_(special_token(files, "bos_token", "<bos>")),
        features_(repeated(placeholder(), at_least(files.preprocessor, "image_seq_length", 1))) {}
  bool has_special_tokens() const override { return true; }
  std::string written(const ProcessedImage&) const override { return features_; }
  std::string filled(std::string_view prompt, std::span<const ProcessedImage> pictures) const override {
    std::string text(prompt);
    // A prompt that says nothing of pictures gets all of them in front.
    if (text.find(placeholder()) == text.npos)
      text = repeated(placeholder(), static_cast<std::int64_t>(pictures.size())) + text;
    text = ImagePrompt::filled(text, pictures);
    const std::size_t last = text.rfind(placeholder());
    text.insert(last == text.npos ? 0 : last + placeholder().size(), begin_);
    return text + "\n";
  }

 private:
  std::string begin_, features_;
};

}  // namespace

std::unique_ptr<ImagePrompt> make_paligemma_prompt(const ProcessorFiles& files) {
  return std::make_unique<PaliGemmaPrompt>(files);
}

}  // namespace mhub::image
