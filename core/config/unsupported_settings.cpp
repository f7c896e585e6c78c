// SPDX-License-Identifier: Apache-2.0
// Settings that Megatron's model is built from and that TransformerConfig has no member for, because no
// Hugging Face model does the same. With one value the model is as the fields of the table say; others are
// refused.
#include <algorithm>
#include <array>

#include "mhub/base/json.hpp"
#include "mhub/config/fields.hpp"

namespace mhub {
namespace {

using Json = nlohmann::json;
using C = TransformerConfig;

/// Nothing, false and "" leave a setting out.
bool is_off(const Json& value) {
  return value.is_null() || value == Json(false) || (value.is_string() && value.get<std::string>().empty());
}
bool is_negative_or_off(const Json& value) {
  return is_off(value) || (value.is_number() && value.get<double>() < 0.0);
}
/// One kind of balancing, or several.
bool is_without_sinkhorn(const Json& value) {
  const auto sinkhorn = [](const Json& one) { return one == "sinkhorn"; };
  return value.is_array() ? std::none_of(value.begin(), value.end(), sinkhorn) : !sinkhorn(value);
}
bool is_known_attention(const Json& value) {
  return is_off(value) || value == "gated_delta_net" || value == "dsa";
}
bool is_not_sparse(const Json& value) { return value != "dsa"; }
bool is_not_false(const Json& value) { return value != Json(false); }

bool has_experts(const C& c) { return c.moe.has_value(); }
bool has_gated_experts(const C& c) { return c.moe && c.gated_linear_unit; }
bool has_gated_shared_expert(const C& c) {
  return has_gated_experts(c) && c.moe->shared_expert_intermediate_size > 0;
}
bool has_no_latent_attention(const C& c) { return !c.mla; }
bool has_sparse_attention(const C& c) { return c.sparse_attention.has_value(); }
bool has_several_prediction_blocks(const C& c) { return c.mtp_num_layers > 1; }

/// A setting, named alike in args and run_config.yaml.
struct Setting {
  const char* name;
  const char* reason;                          ///< what it would do
  bool (*plain)(const Json&) = is_off;         ///< whether this value leaves the model as it is
  bool (*matters)(const C& config) = nullptr;  ///< empty: in every model
};

// As megatron-core 0.19 reads them; tests/interop/fields_sweep.py finds what a newer one adds.
constexpr auto kSettings = std::to_array<Setting>({
    // transformer/moe/router.py, moe_utils.py (the capacity: transformer_config.py makes a negative one None)
    {"moe_expert_capacity_factor", "experts leave tokens out", is_negative_or_off, has_experts},
    {"moe_router_load_balancing_type", "the router's weights are computed otherwise", is_without_sinkhorn,
     has_experts},
    {"moe_router_force_load_balancing", "experts are drawn by chance", is_off, has_experts},
    {"moe_router_force_biased", "experts are drawn with a bias", is_off, has_experts},
    // transformer/moe/experts.py, shared_experts.py: rows of linear_fc1
    {"moe_mlp_glu_interleave_size", "gate and up alternate in blocks", is_off, has_gated_experts},
    {"moe_shared_expert_glu_interleave_size", "gate and up alternate in blocks", is_off,
     has_gated_shared_expert},
    // models/gpt/experimental_attention_variant_module_specs.py
    {"experimental_attention_variant", "attention is of another kind", is_known_attention},
    {"experimental_attention_variant", "sparse attention without latent attention", is_not_sparse,
     has_no_latent_attention},
    // transformer/experimental_attention_variant/dsa.py
    {"dsa_indexer_scoring_relu", "negative products count in the choice of tokens", is_not_false,
     has_sparse_attention},
    // transformer/heterogeneous/heterogeneous_config.py
    {"heterogeneous_block_specs", "layers are of several kinds", is_off, has_layers_alike},
    {"heterogeneous_layers_config_path", "a file of its own describes each layer", is_off, has_layers_alike},
    {"heterogeneous_layers_config_encoded_json", "a text of its own describes each layer", is_off,
     has_layers_alike},
    // transformer/multi_token_prediction.py
    {"mtp_use_repeated_layer", "prediction blocks share one layer", is_off, has_several_prediction_blocks},
    // Megatron-LM's argument_utils.py: the model comes from that file
    {"yaml_cfg", "a file of its own describes the model"},
});

}  // namespace

void refuse_unsupported_settings(const ConfigReader& description, const TransformerConfig& config) {
  for (const Setting& setting : kSettings) {
    if (!description.has(setting.name) || (setting.matters != nullptr && !setting.matters(config))) continue;
    const Json& value = description.json().at(setting.name);
    if (setting.plain(value)) continue;
    description.fail(setting.name, "unsupported: " + json_text(value) + " (" + setting.reason +
                                       ", which no Hugging Face model does); --hf-reference DIR names the "
                                       "model to take instead");
  }
}

}  // namespace mhub
