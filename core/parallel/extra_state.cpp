// Module objects ("_extra_state") that Megatron-Core asks for when it loads a checkpoint. They carry FP8
// statistics and hold None otherwise, but a missing one fails a load with the default strictness.
#include <algorithm>
#include <set>

#include "mhub/parallel/layout.hpp"

namespace mhub {
namespace {

std::string module_of(const std::string& parameter) { return parameter.substr(0, parameter.rfind('.')); }

bool is_linear(const std::string& module) {
  const std::string name = module.substr(module.rfind('.') + 1);
  return name.starts_with("linear_");
}

bool is_norm(const std::string& module) { return module.ends_with("layernorm") || module.ends_with("_norm"); }

}  // namespace

std::vector<std::string> extra_state_keys(const std::vector<CanonicalTensor>& canonical,
                                          std::int64_t num_layers) {
  const bool stack = layers_are_alike(canonical);
  std::set<std::string> keys;
  auto add = [&](const std::string& module) {
    const TorchDistKey key = torch_dist_key(module + "._extra_state", stack, num_layers);
    keys.insert(key.name + "/shard_" + std::to_string(key.index) + "_" +
                std::to_string(std::max<std::int64_t>(1, key.count)));
  };
  for (const CanonicalTensor& tensor : canonical) {
    // Local linear layers have one (layers.py, get_extra_state); TransformerEngine's linear layers and norms,
    // too. The embedding and the output layer are not asked for theirs (gpt_model.py, sharded_state_dict).
    const std::string module = module_of(tensor.name);
    if (!module.starts_with("decoder.") || !(is_linear(module) || is_norm(module))) continue;
    add(module);
    // TransformerEngine's attention has one in the versions that cores up to 0.12 use without a filter.
    if (module.ends_with("self_attention.linear_proj")) {
      add(module.substr(0, module.size() - std::string_view("linear_proj").size()) + "core_attention");
    }
  }
  return {keys.begin(), keys.end()};
}

std::vector<std::string> extra_state_names(const std::vector<std::string>& parameters, TransformerImpl impl) {
  std::set<std::string> names;
  for (const std::string& parameter : parameters) {
    const std::string module = module_of(parameter);
    if (is_linear(module) || (impl == TransformerImpl::transformer_engine && is_norm(module))) {
      names.insert(module + "._extra_state");
    }
    // The output layer is a module of the last stage even where it borrows the embedding's weight.
    if (module == "decoder.final_layernorm") names.insert("output_layer._extra_state");
  }
  return {names.begin(), names.end()};
}

}  // namespace mhub
