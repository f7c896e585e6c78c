// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/config/field_binding.hpp"
#include "mhub/config/transformer_config.hpp"

namespace mhub {

/// How a Megatron checkpoint describes its model: Megatron-LM's `args`, Megatron-Bridge's run_config.yaml.
enum class Dialect { args, run_config };

/// What is said of a model, one sentence or one command line option each.
using Lines = std::vector<std::string>;

/// Where a field's value is.
template <typename T>
struct Access {
  T& (*of)(TransformerConfig&);
  const T& (*in)(const TransformerConfig&);
};
/// A value of an enumeration, by its name.
struct Choice {
  std::string (*name)(const TransformerConfig&);
  bool (*set)(TransformerConfig&, const std::string& name);  ///< false: there is no such name
};
/// A part that a model has or has not; its own fields follow.
struct Part {
  void (*add)(TransformerConfig&);
  void (*remove)(TransformerConfig&);
};

struct FieldValue {
  /// Nothing for a setting of Megatron's that several fields make together.
  std::variant<std::monostate, Part, Choice, Access<std::int64_t>, Access<double>, Access<bool>,
               Access<std::string>, Access<std::optional<std::int64_t>>, Access<std::optional<double>>,
               Access<std::vector<std::int64_t>>, Access<std::vector<double>>>
      access;
  /// Whether the model has the part that the field is of, or is; empty: every model has it.
  bool (*there)(const TransformerConfig&) = nullptr;
};

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

/// The member's own name, without its part's.
inline constexpr const char* kOwn = "";

/// All that there is to know of a field of TransformerConfig. What is left out does not apply.
struct Field {
  const char* name;  ///< the member's; behind its part's and a point where it belongs to one
  FieldValue value;

  // Names in descriptions of a model; kOwn: as the member's.
  const char* core = nullptr;        ///< in Megatron-Core's TransformerConfig or MLATransformerConfig
  const char* args = nullptr;        ///< Megatron-LM's; "hf_..." where Megatron has none. Empty: as `core`
  const char* run_config = nullptr;  ///< Megatron-Bridge's; empty: as `core`
  const char* args_copy = nullptr;   ///< an argument of Megatron-LM's that has the same value
  const char* key = nullptr;  ///< in an object of its part alone (transformers' rope_scaling, hf_image)
  Written default_is = Written::always;
  /// In the place of what those names say.
  void (*bind)(FieldBinding&, TransformerConfig&, Dialect) = nullptr;
  /// What a description without the field means, where it is not the member's initialiser.
  void (*absent)(TransformerConfig&) = nullptr;
  bool required = false;  ///< no model goes without it
  /// Of a list with one entry a layer: entry `layer` where Megatron states an integer `every` instead.
  std::int64_t (*entry)(std::int64_t layer, std::int64_t every) = nullptr;

  // Command line of Megatron-LM, for what --use-checkpoint-args does not restore (checkpointing.py,
  // load_args_from_checkpoint).
  const char* flag = nullptr;  ///< with the value behind it, where it is not a switch
  void (*add_flags)(Lines&, const TransformerConfig&) = nullptr;
  /// What plain Megatron-LM cannot express, where the field has not its default, or where `limited(c)`.
  const char* limit = nullptr;
  const char* spec_limit = nullptr;  ///< one that does not hold for a layer spec (examples/megatron/)
  bool (*limited)(const TransformerConfig&) = nullptr;
  void (*add_limits)(Lines&, const TransformerConfig&) = nullptr;

  // Comparison.
  bool compared = true;                                 ///< false: the model's function does not depend on it
  bool (*matters)(const TransformerConfig&) = nullptr;  ///< whether it means anything for this model
  nlohmann::json (*meaning)(const TransformerConfig&) = nullptr;  ///< what is compared for the value

  /// Generation honours the field within this range. It refuses a model that uses any field without one.
  std::optional<Range> runs = {};
};

/// Every field of TransformerConfig and of its parts, each behind those that its reading depends on.
std::span<const Field> fields();

/// What messages call a field: Megatron-Core's name, else the member's.
std::string known_as(const Field& field);

/// Whether the model has the field's part and the field means anything there.
bool matters(const Field& field, const TransformerConfig& config);
/// Gives the field its default.
void reset(const Field& field, TransformerConfig& config);

/// All fields as a description names them; both ways.
void bind_fields(FieldBinding& fields, TransformerConfig& config, Dialect dialect);
/// The fields of one part ("rope_scaling") that matter, by Field::key.
void bind_part(FieldBinding& fields, TransformerConfig& config, const std::string& part);

/// The fields that change the function, by name; those of a part in an object.
nlohmann::json described(const TransformerConfig& config);

/// What a limit says where a layer spec can express it.
inline constexpr const char* kLayerSpec = "; a layer spec can, see examples/megatron/";

/// Command line flags and limits of Megatron-LM, see Field::flag and Field::limit.
Lines field_flags(const TransformerConfig& config);
Lines field_limits(const TransformerConfig& config);

/// Calls `refuse(name, found, expected)` for every value outside its field's range and every list with
/// another number of entries than the model has layers.
void check_ranges(
    const TransformerConfig& config,
    const std::function<void(const std::string&, const std::string&, const std::string&)>& refuse);

}  // namespace mhub
