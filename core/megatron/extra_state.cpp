// SPDX-License-Identifier: Apache-2.0
// Module objects ("_extra_state") that Megatron-Core asks for when it loads a checkpoint. They carry FP8
// statistics and hold None otherwise, but a missing one fails a load with the default strictness.
#include <set>

#include "mhub/megatron/layout.hpp"

namespace mhub {
namespace {

std::string module_of(const std::string& parameter) {
  const std::size_t dot = parameter.rfind('.');
  return dot == std::string::npos ? "" : parameter.substr(0, dot);
}

/// Gemma 3's projector calls its one linear layer "proj", and so does a convolution inside of another module.
bool is_linear(const std::string& module) {
  const std::string name = module.substr(module.rfind('.') + 1);
  return name.starts_with("linear_") || name.ends_with("_proj") || module == "proj";
}

/// A layer's part that is the weight of one linear layer in the place of attention or of an MLP, which has
/// the block's own name (heterogeneous_layer_specs.py). Gated delta nets have other parameters there.
bool is_linear_block(const std::string& part) {
  return part == "self_attention.weight" || part == "mlp.weight";
}

/// Megatron-Core's modules are called ..._layernorm and final_norm, in vision transformers ln_pre and
/// ln_post. A Mamba mixer's own norm is mamba_ssm's, a plain module without an object.
bool is_norm(const std::string& module) {
  return (module.ends_with("norm") && !module.ends_with("mixer.norm")) || module.ends_with("ln_pre") ||
         module.ends_with("ln_post");
}

/// "3.5" for {3, 5}; `fallback` for nothing.
std::string joined(std::span<const std::int64_t> numbers, const char* fallback) {
  std::string text;
  for (const std::int64_t number : numbers) text += (text.empty() ? "" : ".") + std::to_string(number);
  return text.empty() ? fallback : text;
}

}  // namespace

std::vector<std::string> extra_state_keys(const std::vector<CanonicalTensor>& canonical,
                                          const LayoutRequest& request) {
  const ModelCounts counts(canonical);
  std::set<std::string> keys;
  auto add = [&](TensorIdentity of, const std::string& part) {
    of.part = part + "_extra_state";
    const TorchDistPlace place = torch_dist_place(of, request, counts);
    keys.insert(place.key + "/shard_" + joined(place.index, "0") + "_" + joined(place.count, "1"));
  };
  for (const CanonicalTensor& tensor : canonical) {
    // Local linear layers have one (layers.py, get_extra_state); TransformerEngine's linear layers and norms,
    // too. The embedding and the output layer are not asked for theirs (gpt_model.py, sharded_state_dict).
    const TensorIdentity& one = tensor.identity;
    const std::string module = module_of(one.part);
    const bool asked = is_linear(module) || is_norm(module) || is_linear_block(one.part);
    if (one.carried() || one.foreign() || !asked) continue;
    add(one, module + ".");
    // HybridModel asks for the output layer's, which GPTModel filters out (hybrid_model.py has no
    // sharded_state_dict of its own).
    if (one.module.empty() && one.block == Block::decoder && module == "final_norm")
      add({"", Block::output, -1, -1, ""}, "");
    // TransformerEngine's attention has one in the versions that cores up to 0.12 use without a filter, and
    // with learned sinks in newer ones (extensions/transformer_engine.py, TEDotProductAttention).
    if (module.ends_with("self_attention.linear_proj")) {
      add(one, module.substr(0, module.size() - std::string_view("linear_proj").size()) + "core_attention.");
    }
  }
  return {keys.begin(), keys.end()};
}

std::vector<std::string> extra_state_names(const std::vector<std::string>& parameters,
                                           const LayoutRequest& request) {
  const bool whole = request.split.stages() * request.split.chunks() == 1;
  std::set<std::string> names;
  for (const std::string& parameter : parameters) {
    const std::string module = module_of(parameter);
    const TensorIdentity one = identity_of(parameter);
    if (one.foreign()) continue;
    // TEGroupedMLP has one object for all local experts, behind weight0 (extensions/transformer_engine.py).
    if (is_linear(module_of(one.part)) || is_linear_block(one.part) ||
        (request.impl == TransformerImpl::transformer_engine && is_norm(module))) {
      names.insert(module + "._extra_state");
    }
    if (module.ends_with("output_layer")) names.insert(module + "._extra_state");
    // Of a single stage it is a module even where it borrows the embedding's weight.
    for (const char* last : {"decoder.final_layernorm", "decoder.final_norm"}) {
      if (const std::size_t at = module.find(last); whole && at != std::string::npos)
        names.insert(module.substr(0, at) + "output_layer._extra_state");
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace mhub
