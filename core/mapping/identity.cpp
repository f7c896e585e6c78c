// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/identity.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fnmatch.h>

namespace mhub {
namespace {

constexpr std::string_view kLayers = "decoder.layers.", kMtpLayers = "mtp.layers.";
constexpr std::string_view kDeepstack = "decoder.deepstack_merger_list.";
constexpr std::string_view kMtpLayer = "transformer_layer.";
constexpr std::string_view kExperts = "experts.", kLocalExperts = "local_experts.";

/// Modules whose tensors need not be in layers (Megatron-Core llava_model.py, Bridge's models/*_vl).
constexpr std::array<std::string_view, 9> kModules{
    kDecoderModule,     "vision_model",     "vision_projection", "multi_modal_projector", kForeignModules[0],
    kForeignModules[1], kForeignModules[2], kForeignModules[3],  kForeignModules[4]};

struct Prefix {
  std::string_view text;
  Block block;
};
constexpr std::array<Prefix, 3> kPrefixes{
    {{"embedding.", Block::embedding}, {"decoder.", Block::decoder}, {"output_layer.", Block::output}}};

/// Takes a number and the dot behind it off a text.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || number < 0 || parsed.ptr == end || *parsed.ptr != '.') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(parsed.ptr + 1 - text.data()));
  return number;
}

/// Takes the module off a name.
std::string_view take_module(std::string_view& name) {
  std::size_t length = 0;
  for (const std::string_view module : kModules) {
    if (name.size() > module.size() && name.starts_with(module) && name[module.size()] == '.')
      length = module.size();
  }
  if (length == 0) {
    const std::size_t layers = name.find(kLayers);
    if (layers == std::string_view::npos || layers == 0 || name[layers - 1] != '.') return {};
    length = layers - 1;
  }
  const std::string_view module = name.substr(0, length);
  name.remove_prefix(length + 1);
  return module;
}

/// Takes the block and the layer number off what is left of a name.
void take_block(std::string_view& rest, TensorIdentity& identity) {
  const auto numbered = [&](std::string_view stack, Block block) {
    std::string_view behind = rest;
    behind.remove_prefix(std::min(stack.size(), rest.size()));
    const auto number = rest.starts_with(stack) ? take_number(behind) : std::nullopt;
    if (!number) return false;
    identity.block = block;
    identity.layer = *number;
    rest = behind;
    return true;
  };
  if (numbered(kLayers, Block::layer) || numbered(kDeepstack, Block::deepstack)) return;
  if (numbered(kMtpLayers, Block::mtp)) {
    if (!rest.starts_with(kMtpLayer)) return;
    identity.block = Block::mtp_layer;
    return rest.remove_prefix(kMtpLayer.size());
  }
  for (const auto& [text, block] : kPrefixes) {
    if (!rest.starts_with(text)) continue;
    identity.block = block;
    return rest.remove_prefix(text.size());
  }
}

std::string_view prefix_of(Block block) {
  for (const auto& [text, one] : kPrefixes) {
    if (one == block) return text;
  }
  return {};
}

}  // namespace

std::string canonical_name(const TensorIdentity& identity) {
  if (identity.carried()) return std::string(kCarriedPrefix) + identity.part;
  std::string name = identity.module.empty() ? "" : identity.module + ".";
  if (identity.layer >= 0) {
    name += identity.block == Block::layer       ? kLayers
            : identity.block == Block::deepstack ? kDeepstack
                                                 : kMtpLayers;
    name += std::to_string(identity.layer) + ".";
    if (identity.block == Block::mtp_layer) name += kMtpLayer;
  } else {
    name += prefix_of(identity.block);
  }
  if (!identity.of_expert()) return name + identity.part;
  const std::size_t at = identity.part.find(kExperts) + kExperts.size();
  name.append(identity.part, 0, at).append(kLocalExperts).append(std::to_string(identity.expert)).append(".");
  return name.append(identity.part, at);
}

TensorIdentity identity_of(std::string_view name) {
  if (name.starts_with(kCarriedPrefix))
    return {"", Block::carried, -1, -1, std::string(name.substr(kCarriedPrefix.size()))};
  TensorIdentity identity;
  identity.module = take_module(name);
  take_block(name, identity);
  const std::size_t local = name.find(kLocalExperts);
  if (local != std::string_view::npos && name.substr(0, local).ends_with(kExperts)) {
    std::string_view behind = name.substr(local + kLocalExperts.size());
    if (const auto number = take_number(behind)) {
      identity.expert = *number;
      identity.part.assign(name.substr(0, local)).append(behind);
      return identity;
    }
  }
  identity.part = name;
  return identity;
}

bool glob_match(const std::string& glob, const std::string& name) {
  return ::fnmatch(glob.c_str(), name.c_str(), FNM_NOESCAPE) == 0;
}

}  // namespace mhub
