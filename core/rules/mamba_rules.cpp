// SPDX-License-Identifier: Apache-2.0
#include "mhub/rules/mamba_rules.hpp"

namespace mhub {

void MambaMixerConfig::bind(ConfigBinding& b) {
  if (!b.megatron.mamba) b.megatron.mamba.emplace();
  MambaConfig& mamba = *b.megatron.mamba;
  b.positive("mamba_num_heads", mamba_num_heads, mamba.num_heads);
  b.positive("mamba_head_dim", mamba_head_dim, mamba.head_dim);
  b.positive("ssm_state_size", ssm_state_size, mamba.state_dim);
  b.positive("n_groups", n_groups, mamba.num_groups);
  b.divides("n_groups", n_groups, "mamba_num_heads", mamba_num_heads);
  b.require("conv_kernel", conv_kernel);  // MambaMixer has no setting for it
  b.require("use_conv_bias", true);
  b.require("mamba_proj_bias", false);
  b.require("mamba_hidden_act", "silu");
  if (!b.reading() || !b.reader().has("time_step_limit")) return;
  // [0, infinity], which JSON has no number for.
  const nlohmann::json& limit = b.reader().json().at("time_step_limit");
  b.check(limit.is_array() && limit.size() == 2 && limit[0] == 0 && !limit[1].is_number(), "time_step_limit",
          "unsupported: MambaMixer limits no time step");
}

void add_mamba(Mapping& map, const TransformerConfig& c, const DecoderNames& names, const std::string& mixer,
               const Layers& layers) {
  const std::string megatron = "decoder.layers.{i}.mixer.", hf = names.layer + mixer + ".";
  const MambaConfig& m = *c.mamba;
  const std::int64_t inner = m.num_heads * m.head_dim, state = m.num_groups * m.state_dim;
  auto add = [&](const std::string& name, Transform transform) {
    map.rule(megatron + name, std::move(transform)).only("i", layers);
  };
  // A rank has whole heads and whole groups (mamba_mixer.py asserts it).
  const std::vector<Partition::Segment> convolved{
      {inner, Role::x, m.head_dim}, {state, Role::B, m.state_dim}, {state, Role::C, m.state_dim}};
  std::vector<Partition::Segment> projected{{inner, Role::z, m.head_dim}};
  projected.insert(projected.end(), convolved.begin(), convolved.end());
  projected.emplace_back(m.num_heads, Role::dt);
  auto split = [&](const std::string& name, const Shape& shape,
                   const std::vector<Partition::Segment>& segments) {
    return partitioned(name, shape, split_axis(0, shape, segments));
  };
  add_norm(map, c, megatron + "in_proj.layer_norm_", names.layer + names.input_norm, layers);
  add("in_proj.weight",
      split(hf + "in_proj.weight", {2 * inner + 2 * state + m.num_heads, c.hidden_size}, projected));
  add("conv1d_weight", split(hf + "conv1d.weight", {inner + 2 * state, 1, m.conv_kernel_dim}, convolved));
  add("conv1d_bias", split(hf + "conv1d.bias", {inner + 2 * state}, convolved));
  for (const char* name : {"A_log", "D", "dt_bias"}) add(name, column(hf + name, {m.num_heads}));
  add("norm.weight", column(hf + "norm.weight", {inner}));
  add("out_proj.weight", row(hf + "out_proj.weight", {c.hidden_size, inner}));
}

Layers layers_of(const std::string& pattern, char symbol) {
  Layers layers;
  std::int64_t layer = 0;
  for (const char one : pattern) {
    if (one == '|') continue;
    if (one == symbol) layers.push_back(layer);
    ++layer;
  }
  return layers;
}

}  // namespace mhub
