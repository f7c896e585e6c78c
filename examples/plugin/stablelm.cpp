// StableLM (stabilityai/stablelm-3b-4e1t and its like), a family outside the repository's plugins: Llama's
// blocks with LayerNorm and biases on it, partial rotary positions, and optionally biases on q, k and v.
#include <mhub/model/decoder_rules.hpp>
#include <mhub/model/plugin.hpp>

namespace {

using namespace mhub;

struct StableLmConfig {
  std::int64_t vocab_size = 50304, hidden_size = 2560, intermediate_size = 6912, num_hidden_layers = 32;
  std::int64_t num_attention_heads = 32, num_key_value_heads = 32, max_position_embeddings = 4096;
  double layer_norm_eps = 1e-5;
  std::string hidden_act = "silu";
  bool use_qkv_bias = false, tie_word_embeddings = false;
  RotaryConfig rotary{10000.0, 0.25, {}};

  void bind(ConfigBinding& b) {
    TransformerConfig& m = b.megatron;
    b.positive("vocab_size", vocab_size, m.vocab_size);
    b.positive("hidden_size", hidden_size, m.hidden_size);
    b.positive("intermediate_size", intermediate_size, m.ffn_hidden_size);
    b.positive("num_hidden_layers", num_hidden_layers, m.num_layers);
    b.positive("num_attention_heads", num_attention_heads, m.num_attention_heads);
    b.positive("num_key_value_heads", num_key_value_heads, m.num_query_groups);
    b.positive("max_position_embeddings", max_position_embeddings, m.max_position_embeddings);
    b.number("layer_norm_eps", layer_norm_eps, m.layernorm_epsilon);
    b.text("hidden_act", hidden_act, m.activation);
    b.boolean("use_qkv_bias", use_qkv_bias, m.add_qkv_bias);
    b.boolean("tie_word_embeddings", tie_word_embeddings, m.share_embeddings_and_output_weights);
    b.rotary(rotary);
    b.require("use_parallel_residual", false);
    b.require("qk_layernorm", false);
    b.divides("num_key_value_heads", num_key_value_heads, "num_attention_heads", num_attention_heads);
    b.divides("num_attention_heads", num_attention_heads, "hidden_size", hidden_size);
    b.fixed(m.kv_channels, hidden_size / num_attention_heads);
    b.fixed(m.normalization, "LayerNorm");
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
