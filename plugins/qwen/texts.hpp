// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mhub {

// Classes of this plugin and of plugins/qwen_moe, as the decoders of models of more than texts; also where a
// config does not say which (InternVLConfig, LlavaOnevisionConfig of transformers).

struct Qwen2Text {
  static constexpr const char *model_type = "qwen2", *tokenizer_class = "Qwen2TokenizerFast";
};
struct Qwen3Text {
  static constexpr const char *model_type = "qwen3", *tokenizer_class = "Qwen2TokenizerFast";
};
struct Qwen3MoeText {
  static constexpr const char *model_type = "qwen3_moe", *tokenizer_class = "Qwen2TokenizerFast";
};

}  // namespace mhub
