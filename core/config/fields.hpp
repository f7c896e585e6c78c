// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <limits>
#include <span>

#include "mhub/config/config_binding.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub {

/// How a Megatron checkpoint describes its model: Megatron-LM's `args`, Megatron-Bridge's run_config.yaml.
enum class Dialect { args, run_config };

/// What is said of a model, one sentence or one command line option each.
using Lines = std::vector<std::string>;

// What fields need code for.
using Bind = void(FieldBinding&, TransformerConfig&, Dialect);
using Note = void(Lines&, const TransformerConfig&);

/// When a description states a field that has its default.
enum class Written { always, never, null };
inline constexpr Written kUnsaid = Written::never, kNull = Written::null;

/// The values that generation can compute with.
struct Range {
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
};
/// A size: the decoder multiplies two of these at a time.
inline constexpr Range kSize{1, static_cast<double>(ConfigReader::kLargestSize)};
inline constexpr Range kYes{};

// Names that are made from the member's: what Megatron has in front of the part's names and the member's own,
// and where Megatron has no name.
inline constexpr const char *kOwn = "", *kHf = "hf_";

/// All that there is to know of a field of TransformerConfig. What is left out does not apply.
struct Field {
  // What the member itself says.
  std::string_view part = {}, member = {};  ///< its name, and its part's where it belongs to one
  std::string_view prefix = {};             ///< what Megatron has in front of the part's names ("moe_")
  /// The value as descriptions state it, an enumeration's by its name, null where it is absent. Nothing for a
  /// part, and for a setting of Megatron's that several fields make together.
  nlohmann::json (*get)(const TransformerConfig&) = nullptr;
  /// Reads what `get` gave. Throws InputError.
  void (*read)(const Field&, FieldBinding&, const std::string& key, TransformerConfig&) = nullptr;
  /// Gives it its default.
  void (*reset)(TransformerConfig&) = nullptr;
  /// The value that is a list with one entry a layer.
  std::vector<std::int64_t>& (*layers)(TransformerConfig&) = nullptr;
  /// Makes a part that a model has or has not, where the field is one; its own fields follow.
  void (*add)(TransformerConfig&) = nullptr;
  /// Whether the model has the part that the field is of, or is; empty: every model has it.
  bool (*there)(const TransformerConfig&) = nullptr;

  /// "num_layers", "moe.num_experts"
  std::string name() const { return std::string(part) + (part.empty() ? "" : ".") + std::string(member); }

  // Names in descriptions of a model.
  const char* core = nullptr;        ///< in Megatron-Core's TransformerConfig or MLATransformerConfig
  const char* args = nullptr;        ///< Megatron-LM's; "hf_..." where Megatron has none. Empty: as `core`
  const char* run_config = nullptr;  ///< Megatron-Bridge's; empty: as `core`
  /// An argument of Megatron-LM's that has the same value, and is read where `args` is not there.
  const char* args_copy = nullptr;
  bool key =
      false;  ///< in an object of its part alone (transformers' rope_scaling, hf_image), by its own name
  Written default_is = Written::always;
  /// In the place of what those names say.
  Bind* bind = nullptr;
  /// What a description without the field means, where it is not the member's initialiser.
  void (*absent)(TransformerConfig&) = nullptr;
  bool required = false;  ///< no model goes without it
  /// Of a list with one entry a layer: entry `layer` where Megatron states an integer `every` instead.
  std::int64_t (*entry)(std::int64_t layer, std::int64_t every) = nullptr;

  // Command line of Megatron-LM, for what --use-checkpoint-args does not restore (checkpointing.py,
  // load_args_from_checkpoint).
  const char* flag = nullptr;  ///< with the value behind it, where it is not a switch; kOwn: named as in args
  Note* add_flags = nullptr;
  /// What plain Megatron-LM cannot express, where the field has not its default, or where `limited(c)`.
  const char* limit = nullptr;
  const char* spec_limit = nullptr;  ///< one that does not hold for a layer spec (examples/megatron/)
  /// Whether a layer spec has it, of a field whose limits `add_limits` says.
  bool (*needs_spec)(const TransformerConfig&) = nullptr;
  bool (*limited)(const TransformerConfig&) = nullptr;
  Note* add_limits = nullptr;

  /// What the Hugging Face class does otherwise than Megatron's model.
  Note* add_export_notes = nullptr;

  // Comparison.
  bool compared = true;                                 ///< false: the model's function does not depend on it
  bool (*matters)(const TransformerConfig&) = nullptr;  ///< whether it means anything for this model
  nlohmann::json (*meaning)(const TransformerConfig&) = nullptr;  ///< what is compared for the value

  /// Generation honours the field within this range. It refuses a model that uses any field without one.
  std::optional<Range> runs = {};
};

/// Every field of TransformerConfig and of its parts, each behind those that its reading depends on.
std::span<const Field> fields();

/// Whether the model has the field's part and the field means anything there.
bool matters(const Field& field, const TransformerConfig& config);
/// Whether it says nothing that its absence does not say.
bool has_default(const Field& field, const TransformerConfig& config);
/// Whether the model has something in the field that only a layer spec has.
bool needs_spec(const Field& field, const TransformerConfig& config);
/// What is compared.
nlohmann::json meaning_of(const Field& field, const TransformerConfig& config);
/// Gives the field its default.
void reset(const Field& field, TransformerConfig& config);

/// All fields as a description names them; both ways.
void bind_fields(FieldBinding& fields, TransformerConfig& config, Dialect dialect);
/// Throws InputError for a setting in a description of `config` that changes Megatron's model and that no
/// field stands for.
void refuse_unsupported_settings(const ConfigReader& description, const TransformerConfig& config);
/// The fields of one part ("rope_scaling") that matter, by Field::key.
void bind_part(FieldBinding& fields, TransformerConfig& config, const std::string& part);

/// The fields that change the function, by name; those of a part in an object.
nlohmann::json described(const TransformerConfig& config);

/// Gives `config` every field in which `stated` differs from `expected`, both of them read from descriptions
/// with the same keys. Returns the fields: "rotary_base is 1000000.0, not 10000.0". Throws InputError where
/// one of them has a part that the other has not.
Lines adopt_fields(TransformerConfig& config, const TransformerConfig& stated,
                   const TransformerConfig& expected);

/// What a limit says where a layer spec can express it.
inline constexpr const char* kLayerSpec = "; a layer spec can, see examples/megatron/";
/// A limit with that behind it, and in which of these fields the model has not the spec's constants.
std::string with_layer_spec(std::string limit, std::initializer_list<std::string> fields,
                            const TransformerConfig& config);
/// A value as Megatron-LM evaluates it, one shell word.
std::string shown(const nlohmann::json& value);

/// Command line flags that the model needs in Megatron-LM and that --use-checkpoint-args does not restore:
/// "--norm-epsilon 1e-06", "--use-rope-scaling".
Lines field_flags(const TransformerConfig& config);
/// What plain Megatron-LM cannot express of this model, one sentence each; empty for most models.
Lines field_limits(const TransformerConfig& config);

/// What a Hugging Face model of this function computes otherwise than Megatron's, one sentence each.
Lines export_notes(const TransformerConfig& config);

/// Calls `refuse(name, found, expected)` for every value outside its field's range and every list with
/// another number of entries than the model has layers.
void check_ranges(
    const TransformerConfig& config,
    const std::function<void(const std::string&, const std::string&, const std::string&)>& refuse);

// What the entries of field_table.cpp need code for.

/// Reads a list with one entry a layer, or makes it of an integer that stands in its place: `entry(i,
/// every)`.
void read_layers(const FieldBinding& f, const std::string& key, std::int64_t layers,
                 std::int64_t (*entry)(std::int64_t layer, std::int64_t every),
                 std::vector<std::int64_t>& list);

/// A list with one entry a layer says the same as an absent one where all entries are `everywhere`.
std::vector<std::int64_t> list_meaning(const std::vector<std::int64_t>& list, std::int64_t everywhere);

/// Whether an activation, or queries that grow with their position, are those of a layer spec.
bool activation_needs_spec(const TransformerConfig& config);
bool temperature_needs_spec(const TransformerConfig& config);
/// Whether queries grow with their position in any layer.
bool has_temperature(const TransformerConfig& config);
/// Whether scores that are a softmax are corrected for the choice of experts.
bool corrects_softmax(const TransformerConfig& config);
/// Whether layers are of one size.
bool has_layers_alike(const TransformerConfig& config);
/// Whether the model needs Megatron-Core's MuP settings.
bool has_multipliers(const TransformerConfig& config);

Bind bind_moe, bind_latent_attention, bind_sparse_attention, bind_linear_attention, bind_mamba;
/// HybridModel's pattern, with those of prediction blocks behind it.
Bind bind_hybrid_pattern;
/// Whether layers are of several sizes, and the sizes, which Megatron has as a text.
Bind bind_heterogeneous, bind_layer_sizes;
Bind bind_query_groups, bind_vocabulary;
Bind bind_epsilon, bind_rotary_base, bind_rotary_percent, bind_biases, bind_window, bind_moe_layers,
    bind_group_score, bind_router_dtype, bind_router_score;
Bind bind_aux_loss, bind_tied_embeddings;
/// Images as input, under names that begin with "hf_": Megatron-LM's own arguments for them (img_h, patch_dim
/// ...) have values in every checkpoint, whatever the model, and say nothing of the tower's sizes (they are
/// constants of examples/multimodal/config.py). The arguments that examples/multimodal reads are written too.
Bind bind_image, bind_vision;
/// position_embedding_type and the scaling of rotary positions.
Bind bind_positions;
/// The function, and in args whether it has a gate.
Bind bind_activation;
/// Multipliers of embeddings and logits and a scale of attention as Megatron-Core's MuP settings state them,
/// the only ones that it has (transformer_config.py, from 0.17 on): with mup_base_hidden_size at its default,
/// softmax_scale = sqrt(mup_base_head_dim) / kv_channels^mup_attn_scale_power and nothing else changes.
Bind bind_multipliers;

Note add_vision_flags, add_rope_flags, add_window_flag, add_gelu_flag, add_multiplier_flags,
    add_rope_type_flags, add_sparse_attention_flags;
Note add_gate_flag;
Note add_vision_limits, add_siglip_note, add_rope_limits, add_activation_limits, add_latent_yarn_limit,
    add_latent_epsilon_note, add_group_score_limit;
Note add_temperature_limit, add_prediction_limits, add_layer_size_limits;

}  // namespace mhub
