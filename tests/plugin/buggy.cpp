// SPDX-License-Identifier: Apache-2.0
// A plugin with the mistakes that a plugin may have; config.json's "mistake" chooses.
#include <mhub/base/config_error.hpp>
#include <mhub/plugin/plugin.hpp>
#include <stdexcept>
#include <vector>

namespace {

struct BuggyConfig {
  std::int64_t mistake = 0;

  void bind(mhub::ConfigBinding& b) { b.integer("mistake", mistake); }
};

struct BuggyForCausalLM {
  using Config = BuggyConfig;
  static constexpr const char* class_name = "BuggyForCausalLM";
  static constexpr const char* config_class = "BuggyConfig";
  static constexpr const char* model_type = "buggy";
  static constexpr const char* tokenizer_class = "GPT2TokenizerFast";
  static constexpr bool partly_described = true;

  static mhub::Mapping mapping(const Config& config, const mhub::TransformerConfig&) {
    mhub::Mapping map;
    if (config.mistake == 1) std::vector<int>(1).at(7);
    if (config.mistake == 2) throw mhub::ConfigError("mistake=2 contradicts itself");
    map.rule("a", mhub::replicated("x", {2}));
    if (config.mistake == 3) map.rule("a", mhub::replicated("y", {2}));
    return map;
  }
};

}  // namespace

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;
extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "buggy_family";
  registrar.about = "mistakes";
  registrar.add<BuggyForCausalLM>();
}
