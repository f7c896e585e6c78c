// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/image/image_prompt.hpp"

namespace mhub::image {

/// A token's text: the tokenizer's own words count, then the processor's; empty `usual`: InputError where
/// neither says.
std::string special_token(const ProcessorFiles& files, const std::string& key, const std::string& usual);
/// A number that counts something, at most 2^20. Throws InputError.
std::int64_t at_least(const JsonObject& file, const std::string& key, std::int64_t least,
                      std::optional<std::int64_t> usual = {});
/// A token so many times.
std::string repeated(const std::string& token, std::int64_t times, const std::string& separator = {});

/// What LLaVA's towers give beside a feature for each patch: "num_additional_image_tokens", without the class
/// token where "vision_feature_select_strategy" drops it.
std::int64_t more_features(const JsonObject& processor);

// Beside the image processor of the same family; the table in image_prompt.cpp names them.
using MakePrompt = std::unique_ptr<ImagePrompt>(const ProcessorFiles&);
MakePrompt make_llava_prompt, make_llava_next_prompt, make_pixtral_prompt, make_gemma3_prompt,
    make_qwen2_vl_prompt, make_llama4_prompt, make_glm4v_prompt, make_internvl_prompt, make_idefics3_prompt,
    make_smolvlm_prompt, make_paligemma_prompt, make_llava_onevision_prompt;

}  // namespace mhub::image
