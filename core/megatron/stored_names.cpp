// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/stored_names.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace mhub {
namespace {

struct Renaming {
  std::string_view from, to;
};

/// The first renaming whose `from` a layer's part begins with, carried out.
std::string renamed(const std::string& part, std::span<const Renaming> renamings) {
  for (const auto& [from, to] : renamings) {
    if (part.starts_with(from)) return std::string(to) + part.substr(from.size());
  }
  return part;
}

// Megatron-Core gpt_layer_specs.py: the local spec keeps the norms as modules of their own; with latent
// attention the norms behind the down projections are modules too.
constexpr std::array<Renaming, 6> kLocal{
    {{"self_attention.layer_norm_", "input_layernorm."},  // of a linear layer in a block's place
     {"mlp.layer_norm_", "pre_mlp_layernorm."},
     {"self_attention.linear_qkv.layer_norm_", "input_layernorm."},
     {"mlp.linear_fc1.layer_norm_", "pre_mlp_layernorm."},
     {"self_attention.linear_q_up_proj.layer_norm_", "self_attention.q_layernorm."},
     {"self_attention.linear_kv_up_proj.layer_norm_", "self_attention.kv_layernorm."}}};
constexpr std::string_view kAttention = "self_attention";
constexpr std::array<Renaming, 2> kLocalPostNorms{
    {{"self_attention.linear_proj.post_layernorm.", "post_self_attn_layernorm."},
     {"mlp.linear_fc2.post_layernorm.", "post_mlp_layernorm."}}};
// The local spec puts both norms of a layer where a dense TransformerEngine layer has them, also in layers of
// experts.
constexpr std::array<Renaming, 2> kLocalTorchDist{
    {{"input_layernorm.", "self_attention.linear_qkv.layer_norm_"},
     {"pre_mlp_layernorm.", "mlp.linear_fc1.layer_norm_"}}};
// The keys that checkpoints had while MambaMixer's convolution was a module (mamba_mixer.py,
// sharded_state_dict: conv_checkpoint_key_map in 0.19; nn.Conv1d's own names up to 0.16).
constexpr std::array<Renaming, 1> kTorchDist{{{"mixer.conv1d_", "mixer.conv1d."}}};

constexpr std::string_view kExperts = "experts.", kMtpLayer = "transformer_layer";

bool in_layer(const TensorIdentity& identity) {
  return identity.block == Block::layer || identity.block == Block::mtp_layer;
}

/// What is in front of a layer's part: layers of a HybridModel's prediction block nest in its own
/// (multi_token_prediction.py). Nothing for a tensor that is in no layer.
std::optional<std::size_t> layer_part(const TensorIdentity& identity) {
  constexpr std::string_view kNested = "mtp_model_layer.layers.";
  if (in_layer(identity)) return 0;
  if (identity.block != Block::mtp || !identity.part.starts_with(kNested)) return std::nullopt;
  return identity.part.find('.', kNested.size()) + 1;
}

/// `identity`'s part with that of its layer changed.
template <typename Change>
std::string with_layer_part(const TensorIdentity& identity, const Change& change) {
  const std::optional<std::size_t> at = layer_part(identity);
  return at ? identity.part.substr(0, *at) + change(identity.part.substr(*at)) : identity.part;
}

/// Among layers that one key can have together.
bool in_stack(const TensorIdentity& identity) {
  return identity.block == Block::layer || identity.block == Block::deepstack;
}

/// Says in the part of a layer's attention of which kind it is, where there are two.
bool name_kind(TensorIdentity& spelled, const Naming& naming) {
  const std::optional<bool> windowed = attention_is_windowed(spelled, naming);
  if (windowed) spelled.part.insert(kAttention.size(), *windowed ? "_sliding" : "_global");
  return windowed.has_value();
}

/// A layer's number among those of its kind, and how many there are.
std::pair<std::int64_t, std::int64_t> place_in_kind(std::int64_t layer,
                                                    const std::vector<std::int64_t>& kinds) {
  const std::int64_t kind = kinds.at(static_cast<std::size_t>(layer));
  return {std::count(kinds.begin(), kinds.begin() + layer, kind),
          std::count(kinds.begin(), kinds.end(), kind)};
}

/// A layer's part as torch_dist keys spell it for a model built from that implementation's layer spec.
std::string torch_dist_part(const std::string& part, const Naming& naming) {
  if (naming.local_norm_keys) return layer_parameter(part, naming);
  const std::string name = renamed(part, kTorchDist);
  return naming.impl == TransformerImpl::local ? renamed(name, kLocalTorchDist) : name;
}

}  // namespace

std::optional<bool> attention_is_windowed(const TensorIdentity& identity, const Naming& naming) {
  if (naming.windowed.empty() || !identity.in_pipeline() ||
      !identity.part.starts_with(std::string(kAttention) + "."))
    return std::nullopt;
  return naming.windowed.at(static_cast<std::size_t>(identity.layer)) != 0;
}

std::string layer_parameter(const std::string& part, const Naming& naming) {
  if (naming.impl != TransformerImpl::local) return part;
  const std::string name = renamed(part, kLocal);
  return naming.local_post_norms ? renamed(name, kLocalPostNorms) : name;
}

std::string rank_name(const TensorIdentity& local, const Naming& naming) {
  TensorIdentity spelled = local;
  spelled.part =
      with_layer_part(local, [&](const std::string& part) { return layer_parameter(part, naming); });
  if (local.of_expert() && naming.experts == ExpertNames::grouped) {
    spelled.part += std::to_string(local.expert);
    spelled.expert = -1;
  }
  if (local.block == Block::mtp_layer) {
    spelled.block = Block::mtp;
    spelled.part.insert(0, naming.mtp_block_name + ".");
  }
  return canonical_name(spelled);
}

void note_rank_name(const TensorIdentity& identity, Naming& naming) {
  if (identity.of_expert()) naming.experts = ExpertNames::sequential;
  if (identity.block == Block::mtp_layer) naming.mtp_block_name = kMtpLayer;
}

ModelCounts::ModelCounts(const std::vector<CanonicalTensor>& canonical) {
  for (const CanonicalTensor& tensor : canonical) {
    const TensorIdentity& one = tensor.identity;
    if (in_stack(one)) {
      std::int64_t& count = layers_[{one.module, one.block}];
      count = std::max(count, one.layer + 1);
    }
    if (one.of_expert()) {
      std::int64_t& count = experts_[{one.block, one.layer, one.module}];
      count = std::max(count, one.expert + 1);
    }
  }
}

std::int64_t ModelCounts::layers(const TensorIdentity& one) const {
  return layers_.at({one.module, one.block});
}

std::int64_t ModelCounts::experts(const TensorIdentity& one) const {
  return experts_.at({one.block, one.layer, one.module});
}

TorchDistPlace torch_dist_place(const TensorIdentity& identity, const Naming& naming,
                                const ModelCounts& counts) {
  TorchDistPlace place;
  TensorIdentity spelled = identity;
  spelled.part =
      with_layer_part(identity, [&](const std::string& part) { return torch_dist_part(part, naming); });
  const bool stacks = identity.of_decoder() ? naming.keys.stack_layers : naming.keys.stack_encoders;
  const bool of_kind = name_kind(spelled, naming);
  if (in_stack(identity) && stacks && !naming.keys.singleton) {
    const auto [index, count] = of_kind ? place_in_kind(identity.layer, naming.windowed)
                                        : std::pair(identity.layer, counts.layers(identity));
    place.index.push_back(index);
    place.count.push_back(count);
    spelled.block = Block::decoder;
    spelled.layer = -1;
    spelled.part.insert(0, identity.block == Block::layer ? "layers." : "deepstack_merger_list.");
  }
  if (identity.of_expert()) {
    const std::string number = naming.keys.singleton ? std::to_string(identity.expert) + "." : "";
    const std::size_t behind = spelled.part.find(kExperts) + kExperts.size();
    spelled.part.insert(behind, std::string(kExperts) + number);
    spelled.expert = -1;
    if (!naming.keys.singleton) {
      place.index.push_back(identity.expert);
      place.count.push_back(counts.experts(identity));
    }
  }
  place.key = canonical_name(spelled);
  return place;
}

std::string segment_suffix(Role role, const TorchDistKeys& keys) {
  if (role == Role::whole) return {};
  if (role != Role::gate && role != Role::up) return "." + std::string(name_of(role));
  if (!keys.singleton) return {};
  return role == Role::gate ? "_w" : "_v";
}

void note_torch_dist_key(std::string_view key, Naming& naming) {
  constexpr std::string_view kNumbered = ".experts.experts.";
  if (const TensorIdentity identity = identity_of(key); in_stack(identity))
    (identity.of_decoder() ? naming.keys.stack_layers : naming.keys.stack_encoders) = false;
  const std::size_t experts = key.find(kNumbered), number = experts + kNumbered.size();
  if (key.ends_with("linear_fc1.weight_w") ||
      (experts != std::string_view::npos && number < key.size() && key[number] >= '0' && key[number] <= '9'))
    naming.keys.singleton = true;
}

}  // namespace mhub
