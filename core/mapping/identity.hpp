// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mhub {

/// Values of the index variables of a name pattern: {"i": 3, "e": 17}.
using Bindings = std::map<std::string, std::int64_t>;

/// Splits "attn.{q,k,v}_proj" into its alternatives, in order. `{i}` without a comma is an index variable and
/// stays. Throws std::logic_error on unbalanced braces.
std::vector<std::string> expand_alternatives(std::string_view pattern);
/// The index variables in a pattern, in order of appearance.
std::vector<std::string> variables(std::string_view pattern);
/// Replaces "{i}" and "{i+3}" by numbers. Throws std::logic_error for a variable without a value.
std::string substitute(std::string_view pattern, const Bindings& bindings);

/// Shell-style matching of a whole name: `*` any characters (dots too), `?` one, `[a-z]` one of a set.
bool glob_match(const std::string& glob, const std::string& name);

/// Which part of a model a canonical tensor belongs to, after Megatron-Core's tree of modules.
enum class Block : std::uint8_t {
  embedding,  ///< "embedding."
  layer,      ///< "decoder.layers.N."
  deepstack,  ///< "decoder.deepstack_merger_list.N.": taps of an encoder's layers (Bridge's
              ///< Qwen3VLVisionModel)
  decoder,    ///< "decoder.": what stands behind the layers, the last norm
  output,     ///< "output_layer."
  mtp,        ///< "mtp.layers.N.": what a multi-token-prediction block has beside its layer
  mtp_layer,  ///< "mtp.layers.N.transformer_layer.": its layer, with the parts of Block::layer
  other,      ///< anything else: a class token, a patch embedding, a projector
  carried,    ///< no tensor of Megatron's: "hf." and its Hugging Face name
};

/// The module in which models with several (LLaVAModel and other vision-language models) keep their decoder;
/// everything else there belongs to encoders.
inline constexpr std::string_view kDecoderModule = "language_model";
/// Modules of such models that Megatron-Bridge takes from transformers as they are.
inline constexpr std::array<std::string_view, 5> kForeignModules{"visual", "vision_tower", "embed_vision",
                                                                 "audio_tower", "embed_audio"};

/// What the canonical name of a carried tensor begins with: a Hugging Face tensor that Megatron's model has
/// no place for travels in the checkpoint under its own name behind this prefix, so that nothing is lost on
/// the way back.
inline constexpr std::string_view kCarriedPrefix = "hf.";

/// What a canonical tensor is. Names are spellings of this: the canonical one (canonical_name), those of
/// Megatron's formats (megatron/stored_names.hpp). What its elements are for (query, key, gate ...) is in its
/// Partition.
struct TensorIdentity {
  std::string module;  ///< of a model that has several: "language_model", "vision_model"; else empty
  Block block = Block::other;
  std::int64_t layer = -1;   ///< number in its module's stack of layers or of blocks; -1: in none
  std::int64_t expert = -1;  ///< -1: of no expert
  /// The rest of Megatron-Core's name, without numbers: "self_attention.linear_qkv.weight",
  /// "mlp.experts.linear_fc1.bias", "word_embeddings.weight"; of a carried tensor its Hugging Face name.
  std::string part;

  bool carried() const { return block == Block::carried; }
  bool of_expert() const { return expert >= 0; }
  /// Of the model's only module or of its decoder's, which pipeline parallelism splits.
  bool of_decoder() const { return module.empty() || module == kDecoderModule; }
  /// Of a module that is not Megatron's own.
  bool foreign() const {
    return std::find(kForeignModules.begin(), kForeignModules.end(), module) != kForeignModules.end();
  }
  /// In the stack of layers that it splits.
  bool in_pipeline() const { return block == Block::layer && of_decoder(); }
  bool operator==(const TensorIdentity&) const = default;
};

/// The tensor's canonical name: Megatron-Core's own (TransformerEngine flavour), experts as SequentialMLP has
/// them, numbers those of the whole model.
std::string canonical_name(const TensorIdentity& identity);
/// What a canonical name says; names that say nothing are a part of Block::other.
TensorIdentity identity_of(std::string_view canonical_name);

}  // namespace mhub
