// SPDX-License-Identifier: Apache-2.0
#include "mhub/pretrained/uniform_names.hpp"

#include <algorithm>
#include <array>

namespace mhub {
namespace {

/// How the part of an identity that begins so is called.
struct PartName {
  std::string_view part, name;
  std::string_view whole = {};  ///< in the place of a role where the tensor has none
};

/// The first that fits counts.
constexpr auto kPartNames = std::to_array<PartName>({
    {"word_embeddings.", "embedding.token"},
    {"position_embeddings.", "embedding.position"},
    {"class_token", "embedding.class"},
    {"conv1.", "embedding.patch"},
    {"ln_pre.", "embedding_norm"},
    {"final_layernorm.", "final_norm"},
    {"final_norm.", "final_norm"},
    {"enorm.", "embedding_norm"},
    {"hnorm.", "hidden_norm"},
    {"eh_proj.", "projection"},
    {"per_layer_embedding.", "embedding.layer"},
    {"per_layer_model_proj.", "layer_input.projection"},
    {"per_layer_proj_norm.", "layer_input.norm"},
    {"encoder.linear_fc1.", "up"},
    {"encoder.linear_fc2.", "down"},

    {"input_layernorm.", "attention_norm"},
    {"self_attention.linear_qkv.layer_norm_", "attention_norm"},
    {"self_attention.linear_qkv.", "attention", "query_key_value"},
    {"self_attention.q_layernorm.", "attention.query_norm"},
    {"self_attention.k_layernorm.", "attention.key_norm"},
    {"self_attention.core_attention.softmax_offset", "attention.sink"},
    {"self_attention.linear_proj.post_layernorm.", "attention_post_norm"},
    {"self_attention.linear_proj.", "attention.output"},
    {"self_attention.linear_q_proj.", "attention.query"},
    {"self_attention.linear_q_down_proj.", "attention.query_down"},
    {"self_attention.linear_q_up_proj.layer_norm_", "attention.query_down_norm"},
    {"self_attention.linear_q_up_proj.", "attention.query_up"},
    {"self_attention.linear_kv_down_proj.", "attention.key_value_down"},
    {"self_attention.linear_kv_up_proj.layer_norm_", "attention.key_value_down_norm"},
    {"self_attention.linear_kv_up_proj.", "attention.key_value_up"},

    {"self_attention.in_proj.layer_norm_", "attention_norm"},
    {"self_attention.in_proj.", "delta_net", "in"},
    {"self_attention.conv1d.", "delta_net.convolution"},
    {"self_attention.out_norm.", "delta_net.norm"},
    {"self_attention.out_proj.", "delta_net.output"},
    {"self_attention.A_log", "delta_net.A_log"},
    {"self_attention.dt_bias", "delta_net.dt_bias"},

    {"mixer.in_proj.layer_norm_", "mamba_norm"},
    {"mixer.in_proj.", "mamba", "in"},
    {"mixer.conv1d_", "mamba.convolution"},
    {"mixer.conv1d.", "mamba.convolution"},
    {"mixer.norm.", "mamba.norm"},
    {"mixer.out_proj.", "mamba.output"},
    {"mixer.", "mamba"},

    {"pre_mlp_layernorm.", "mlp_norm"},
    {"mlp.linear_fc1.layer_norm_", "mlp_norm"},
    {"mlp.linear_fc1.", "mlp", "up"},
    {"mlp.linear_fc2.post_layernorm.", "mlp_post_norm"},
    {"mlp.linear_fc2.", "mlp.down"},
    {"pre_shared_expert_layernorm.", "mlp.shared_expert.norm"},
    {"mlp.post_shared_expert_layernorm.", "mlp.shared_expert.post_norm"},
    {"mlp.post_moe_layernorm.", "mlp.expert_post_norm"},
    {"post_ffn_layernorm.", "mlp_post_norm"},
    {"per_layer_input_gate.", "layer_input.gate"},
    {"per_layer_projection.", "layer_input.output"},
    {"post_per_layer_input_norm.", "layer_input.post_norm"},
    {"mlp.router.expert_bias", "mlp.router.correction_bias"},
    {"mlp.router.", "mlp.router"},
    {"mlp.experts.linear_fc1.", "mlp.expert", "up"},
    {"mlp.experts.linear_fc2.", "mlp.expert", "down"},
    {"mlp.shared_experts.linear_fc1.", "mlp.shared_expert", "up"},
    {"mlp.shared_experts.linear_fc2.", "mlp.shared_expert.down"},
    {"mlp.shared_experts.gate_weight", "mlp.shared_expert.output_gate.weight"},
});

/// Adds a word behind a dot.
void add(std::string& name, std::string_view word) {
  if (!name.empty() && !word.empty()) name += '.';
  name += word;
}

/// Where the tensor stands: "layer.3", "vision.layer.0", "mtp.0.layer".
std::string place_of(const TensorIdentity& identity) {
  std::string place;
  if (identity.module == "vision_model") {
    place = "vision";
  } else if (identity.module == "vision_projection") {
    place = "projector";
  } else if (identity.module != kDecoderModule) {
    place = identity.module;
  }
  switch (identity.block) {
    case Block::output: add(place, "output"); break;
    case Block::carried: add(place, "carried"); break;
    case Block::layer: add(place, "layer." + std::to_string(identity.layer)); break;
    case Block::deepstack: add(place, "deepstack." + std::to_string(identity.layer)); break;
    case Block::mtp: add(place, "mtp." + std::to_string(identity.layer)); break;
    case Block::mtp_layer: add(place, "mtp." + std::to_string(identity.layer) + ".layer"); break;
    case Block::embedding:
    case Block::decoder:
    case Block::other: break;
  }
  return place;
}

std::string uniform_name(const TensorIdentity& identity, Role role) {
  std::string name = place_of(identity);
  const auto* const found =
      identity.carried() ? kPartNames.end()
                         : std::find_if(kPartNames.begin(), kPartNames.end(), [&](const PartName& one) {
                             return identity.part.starts_with(one.part);
                           });
  std::string_view rest = identity.part;
  if (identity.block == Block::embedding && found == kPartNames.end()) add(name, "embedding");
  if (found != kPartNames.end()) {
    add(name, found->name);
    if (identity.of_expert()) add(name, std::to_string(identity.expert));
    if (role == Role::whole) add(name, found->whole);
    rest.remove_prefix(found->part.size());
  }
  if (role != Role::whole) add(name, name_of(role));
  add(name, rest);
  return name;
}

}  // namespace

StateMap uniform_map(const std::vector<CanonicalTensor>& canonical) {
  StateMap map;
  const auto add_part = [&](const TensorIdentity& identity, const RolePart& part) {
    map.destination.push_back({uniform_name(identity, part.role), part.shape});
    map.terms.push_back({{map.source.size() - 1, part.box}});
  };
  for (const CanonicalTensor& tensor : canonical) {
    map.source.push_back({tensor.name, tensor.shape});
    const std::vector<RolePart> parts = role_parts(tensor.shape, tensor.partition);
    for (const RolePart& part : parts) add_part(tensor.identity, part);
    if (parts.empty())
      add_part(tensor.identity, {Role::whole, tensor.shape, run_box(0, 0, numel(tensor.shape))});
  }
  return map;
}

}  // namespace mhub
