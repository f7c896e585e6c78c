// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/parameter_name.hpp"

#include <array>
#include <charconv>

#include "mhub/mapping/mapping.hpp"

namespace mhub {
namespace {

/// "<prefix><number>.<after>"
std::optional<LayerName> numbered(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  LayerName parts;
  const char* begin = name.data() + prefix.size();
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(begin, end, parts.layer);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '.' || parts.layer < 0)
    return std::nullopt;
  parts.before = prefix;
  parts.after.assign(parsed.ptr + 1, end);
  return parts;
}

struct Renaming {
  std::string_view from, to;
};

/// The first renaming whose `from` occurs in the name, carried out.
template <std::size_t N>
std::string renamed(const std::string& name, const std::array<Renaming, N>& renamings) {
  for (const auto& [from, to] : renamings) {
    const std::size_t at = name.find(from);
    if (at != std::string::npos) return name.substr(0, at) + std::string(to) + name.substr(at + from.size());
  }
  return name;
}

// Megatron-Core gpt_layer_specs.py: the local spec keeps the norms as modules of their own; with latent
// attention the norms behind the down projections are modules too.
constexpr std::array<Renaming, 4> kLocal{{{".self_attention.linear_qkv.layer_norm_", ".input_layernorm."},
                                          {".mlp.linear_fc1.layer_norm_", ".pre_mlp_layernorm."},
                                          {".linear_q_up_proj.layer_norm_", ".q_layernorm."},
                                          {".linear_kv_up_proj.layer_norm_", ".kv_layernorm."}}};
constexpr std::array<Renaming, 2> kLocalTorchDist{
    {{".input_layernorm.", ".self_attention.linear_qkv.layer_norm_"},
     {".pre_mlp_layernorm.", ".mlp.linear_fc1.layer_norm_"}}};
// The keys that checkpoints had while MambaMixer's convolution was a module (mamba_mixer.py,
// sharded_state_dict: conv_checkpoint_key_map in 0.19; nn.Conv1d's own names up to 0.16).
constexpr std::array<Renaming, 1> kTorchDist{{{".mixer.conv1d_", ".mixer.conv1d."}}};

}  // namespace

std::string_view within_decoder(std::string_view canonical_name) {
  if (canonical_name.starts_with(std::string(kDecoderModule) + "."))
    canonical_name.remove_prefix(kDecoderModule.size() + 1);
  return canonical_name;
}

std::optional<LayerName> decoder_layer(std::string_view canonical_name) {
  constexpr std::string_view kLayers = "decoder.layers.";
  const std::size_t at = canonical_name.find(kLayers);
  const bool module = at != std::string_view::npos && (at == 0 || canonical_name[at - 1] == '.');
  if (!module || is_carried(canonical_name)) return std::nullopt;
  return numbered(canonical_name, canonical_name.substr(0, at + kLayers.size()));
}

std::optional<LayerName> pipeline_layer(std::string_view canonical_name) {
  if (!within_decoder(canonical_name).starts_with("decoder.layers.")) return std::nullopt;
  return decoder_layer(canonical_name);
}

std::optional<LayerName> mtp_layer(std::string_view canonical_name) {
  return numbered(canonical_name, "mtp.layers.");
}

std::optional<ExpertName> expert_name(std::string_view canonical_name) {
  constexpr std::string_view kExperts = ".experts.local_experts.";
  const std::size_t at = canonical_name.find(kExperts);
  if (at == std::string_view::npos) return std::nullopt;
  const auto parts = numbered(canonical_name.substr(at), kExperts);
  if (!parts) return std::nullopt;
  return ExpertName{std::string(canonical_name.substr(0, at)) + ".experts.", parts->layer, parts->after};
}

std::string parameter_name(const std::string& canonical, TransformerImpl impl) {
  return impl == TransformerImpl::local ? renamed(canonical, kLocal) : canonical;
}

std::string expert_parameter_name(const ExpertName& name, std::int64_t local, ExpertNames style) {
  const std::string number = std::to_string(local);
  if (style == ExpertNames::grouped) return name.before + name.after + number;
  return name.before + "local_experts." + number + "." + name.after;
}

std::string torch_dist_name(const std::string& canonical, TransformerImpl impl, bool local_norm_keys) {
  if (local_norm_keys) return parameter_name(canonical, impl);
  const std::string name = renamed(canonical, kTorchDist);
  return impl == TransformerImpl::local ? renamed(name, kLocalTorchDist) : name;
}

}  // namespace mhub
