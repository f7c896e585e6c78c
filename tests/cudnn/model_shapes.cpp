// SPDX-License-Identifier: Apache-2.0
#include "cudnn/model_shapes.hpp"

#include <algorithm>
#include <filesystem>

#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/plugin/registry.hpp"
#include "mhub/rules/moe_rules.hpp"
#include "mhub/runtime/support.hpp"

namespace mhub::tests {
namespace {

using runtime::ActivationKind;

constexpr std::uint64_t kConfigLimit = 1 << 20;

void add_experts(const TransformerConfig& config, ModelShape& shape) {
  if (!config.moe) return;
  if (dense_layers(config).empty()) shape.ffn = 0;
  shape.expert_ffn = config.moe->ffn_hidden_size;
  shape.shared_ffn = config.moe->shared_expert_intermediate_size;
  shape.shared_gate = config.moe->shared_expert_gate;
}

void add_other_attention(const TransformerConfig& config, ModelShape& shape) {
  if (config.mla) {
    shape.dim = config.mla->qk_head_dim;
    shape.query_rank = config.mla->q_lora_rank;
    shape.key_value_rank = config.mla->kv_lora_rank;
    shape.rotated = config.mla->qk_pos_emb_head_dim;
  }
  if (config.linear_attention) {
    shape.delta_key_heads = config.linear_attention->num_key_heads;
    shape.delta_value_heads = config.linear_attention->num_value_heads;
    shape.delta_dim = config.linear_attention->key_head_dim;
  }
  if (config.mamba) {
    shape.mamba_heads = config.mamba->num_heads;
    shape.mamba_inner = config.mamba->num_heads * config.mamba->head_dim;
    shape.mamba_states = config.mamba->num_groups * config.mamba->state_dim;
  }
}

ModelShape shape_of(const std::string& name, const TransformerConfig& config) {
  ModelShape shape{.name = name,
                   .hidden = config.hidden_size,
                   .ffn = config.ffn_hidden_size,
                   .heads = config.num_attention_heads,
                   .groups = config.num_query_groups,
                   .dim = config.kv_channels,
                   .vocabulary = config.vocab_size};
  shape.gated = config.gated_linear_unit;
  shape.activation = runtime::activation_kind(config.activation, name);
  shape.clamp = static_cast<float>(config.activation_clamp.value_or(0.0));
  shape.layer_norm = config.normalization == Normalization::layer;
  shape.norm_bias = shape.layer_norm && config.layernorm_bias;
  shape.linear_bias = config.add_bias_linear;
  shape.qkv_bias = config.add_bias_linear || config.add_qkv_bias;
  shape.window = config.sliding_window.value_or(0);
  shape.soft_cap = static_cast<float>(config.attn_logit_softcapping.value_or(0.0));
  shape.sinks = config.softmax_type == SoftmaxType::learnable;
  shape.output_gate = config.attention_output_gate;
  add_experts(config, shape);
  add_other_attention(config, shape);
  return shape;
}

/// What the conformance suite runs.
std::vector<ModelShape> conformance_shapes() {
  const ModelShape operators{
      .name = "operators", .hidden = 64, .ffn = 40, .heads = 4, .groups = 2, .dim = 16, .vocabulary = 40};
  std::vector<ModelShape> shapes(5, operators);
  shapes[0] = {
      .name = "tiny models", .hidden = 32, .ffn = 48, .heads = 4, .groups = 2, .dim = 8, .vocabulary = 40};
  shapes[1].qkv_bias = shapes[1].linear_bias = shapes[1].sinks = true;
  shapes[1].window = 9;
  shapes[2].name = "operators, ReLU";
  shapes[2].activation = ActivationKind::relu;
  shapes[2].linear_bias = true;
  shapes[3].name = "operators, quick GELU";
  shapes[3].activation = ActivationKind::quick_gelu;
  shapes[4].name = "shorter values";
  shapes[4].heads = 2;
  shapes[4].key_value_rank = 16;
  shapes[4].rotated = 8;
  return shapes;
}

}  // namespace

std::vector<ModelShape> model_shapes() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(MHUB_TEST_CONFIGS)) files.push_back(entry);
  std::sort(files.begin(), files.end());
  std::vector<ModelShape> shapes;
  for (const std::filesystem::path& file : files) {
    const ConfigReader config(parse_json_file(file.string(), kConfigLimit), file.string());
    const ModelDescriptor& model = PluginRegistry::instance().find(config);
    shapes.push_back(shape_of(file.stem().string(), model.megatron(config)));
  }
  const std::vector<ModelShape> others = conformance_shapes();
  shapes.insert(shapes.end(), others.begin(), others.end());
  return shapes;
}

}  // namespace mhub::tests
