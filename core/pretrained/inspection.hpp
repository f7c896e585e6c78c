// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "mhub/formats/checkpoint.hpp"

namespace mhub {

/// The half of a model that sees.
struct VisionSummary {
  std::string model_class;  ///< of the tower: "CLIPVisionModel"
  std::int64_t layers = 0, hidden_size = 0, image_size = 0, patch_size = 0;
  std::int64_t image_token = 0;
  std::string processor, image_processor;  ///< classes; empty: the files do not say
  /// Exact; what lies between the tower and the decoder is the projector.
  std::int64_t tower_parameters = 0, projector_parameters = 0;
};

/// What a printed model shows; made from headers and small JSON files alone.
struct ModelSummary {
  std::string kind =
      "PreTrainedCausalLM";  ///< PreTrainedVLM of texts and images, PreTrainedModel of images alone
  std::string model_class;   ///< "GPT2LMHeadModel"
  std::int64_t layers = 0, hidden_size = 0;
  std::string tokenizer_class;  ///< empty: no tokenizer files
  std::int64_t tokenizer_vocab_size = 0;
  std::string config_class, model_type;
  bool generation_config = false;  ///< the checkpoint has a generation_config.json
  std::int64_t parameters = 0;     ///< exact; tied weights once
  std::string device = "cpu";
  std::string dtype;  ///< torch's name; "mixed" when tensors differ
  std::optional<VisionSummary> vision = {};
};

/// Of a checkpoint that knows its model, as it is stored.
ModelSummary summarize(const Checkpoint& checkpoint);
/// ModelSummary::dtype.
std::string stored_dtype(const CanonicalState& state);

/// The multi-line form that transformers' users know: "PreTrainedCausalLM(\n  (model): ...\n)".
std::string to_string(const ModelSummary& summary);
nlohmann::json to_json(const ModelSummary& summary);

/// "124439808" -> "124,439,808"
std::string with_thousands(std::int64_t value);

}  // namespace mhub
