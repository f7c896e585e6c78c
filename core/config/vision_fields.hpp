// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "mhub/config/field_binding.hpp"
#include "mhub/config/vision_config.hpp"

namespace mhub {

/// The fields of these configs under their own names; of a VisionConfig all but its tower's.
void bind_image_fields(FieldBinding& fields, ImageConfig& image);
void bind_projector_fields(FieldBinding& fields, VisionConfig& vision);

/// Images as input, under names that begin with "hf_": Megatron-LM's own arguments for them (img_h, patch_dim
/// ...) have values in every checkpoint, whatever the model, and say nothing of the tower's sizes (they are
/// constants of examples/multimodal/config.py). The arguments that examples/multimodal reads are written too.
void bind_image(FieldBinding& fields, TransformerConfig& config);

/// A vision tower and its projector. `bind_tower` binds all fields of the tower's own config.
void bind_vision(FieldBinding& fields, TransformerConfig& config,
                 void (*bind_tower)(FieldBinding&, TransformerConfig&));

/// Arguments of Megatron-LM that describe the images of a vision-language model.
std::vector<std::string> vision_flags(const VisionConfig& vision);
/// What examples/multimodal cannot express of a vision-language model's vision part, one sentence each.
std::vector<std::string> vision_limits(const TransformerConfig& config);

}  // namespace mhub
