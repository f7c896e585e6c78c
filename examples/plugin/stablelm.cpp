// SPDX-License-Identifier: Apache-2.0
// StableLM (stabilityai/stablelm-3b-4e1t and its like), a family outside the repository's plugins: Llama's
// blocks with LayerNorm and biases on it, partial rotary positions, and optionally biases on q, k and v.
#include <mhub/config/decoder_config.hpp>
#include <mhub/plugin/plugin.hpp>
#include <mhub/rules/decoder_rules.hpp>

namespace {

using namespace mhub;

struct StableLmConfig : DecoderConfig {
  bool use_qkv_bias = false;

  StableLmConfig() {
    vocab_size = 50304;
    hidden_size = 2560;
    intermediate_size = 6912;
    num_key_value_heads = 32;
    max_position_embeddings = 4096;
    norm_eps = 1e-5;
    rotary.partial_factor = 0.25;
  }

  void bind(ConfigBinding& b) {
    DecoderKeys keys;
    keys.head_dim.clear();
    keys.norm_eps = "layer_norm_eps";
    keys.hidden_dropout = "hidden_dropout";
    keys.rotary.partial_factor = "partial_rotary_factor";
    DecoderConfig::bind(b, keys);
    b.boolean("use_qkv_bias", use_qkv_bias, b.megatron.add_qkv_bias);
    b.require("use_parallel_residual", false);
    b.require("qk_layernorm", false);
    b.fixed(b.megatron.normalization, "LayerNorm");
  }
};

struct StableLmForCausalLM {
  using Config = StableLmConfig;
  static constexpr const char* class_name = "StableLmForCausalLM";
  static constexpr const char* config_class = "StableLmConfig";
  static constexpr const char* model_type = "stablelm";
  static constexpr const char* tokenizer_class = "GPTNeoXTokenizerFast";
  static Mapping mapping(const Config&, const TransformerConfig& megatron) {
    return decoder_mapping(megatron, {});
  }
};

}  // namespace

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "stablelm";
  registrar.about = "StableLM, the example of an out-of-tree plugin";
  registrar.add<StableLmForCausalLM>();
}
