// SPDX-License-Identifier: Apache-2.0
#include "mhub/rules/mtp_rules.hpp"

#include <algorithm>
#include <optional>

#include "mhub/mapping/pattern.hpp"

namespace mhub {
namespace {

const std::string kLayer = "decoder.layers.{i}.";

/// The same rule for multi-token-prediction blocks, which are built like the last decoder layer; nothing
/// where that layer has no such tensor.
std::optional<Rule> block_rule(Rule rule, const TransformerConfig& c, const DecoderNames& names,
                               const std::string& hf_layer) {
  const auto only = rule.values.find("i");
  const bool applies = rule.megatron.starts_with(kLayer) &&
                       (only == rule.values.end() || std::find(only->second.begin(), only->second.end(),
                                                               c.num_layers - 1) != only->second.end());
  if (!applies) return std::nullopt;
  rule.values.erase("i");
  rule.megatron = "mtp.layers.{t}.transformer_layer." + rule.megatron.substr(kLayer.size());
  for (Operand& operand : rule.transform.operands)
    operand.name = hf_layer + operand.name.substr(names.layer.size());
  return rule;
}

}  // namespace

void add_mtp(Mapping& map, const TransformerConfig& c, const DecoderNames& names, const MtpNames& mtp) {
  if (c.mtp_num_layers == 0) return;
  const std::string block = "mtp.layers.{t}.";
  map.index("t", c.mtp_num_layers);
  const std::vector<Rule> decoder = map.rules();
  for (const Rule& rule : decoder) {
    if (std::optional<Rule> same = block_rule(rule, c, names, mtp.layer))
      map.rule(same->megatron, same->transform) = *same;
  }
  add_norm(map, c, block + "enorm.", mtp.embedding_norm);
  add_norm(map, c, block + "hnorm.", mtp.hidden_norm);
  map.rule(block + "eh_proj.weight", column(mtp.projection + ".weight", {c.hidden_size, 2 * c.hidden_size}));
  add_norm(map, c, block + "final_layernorm.", mtp.final_norm);
  for (std::int64_t t = 0; t < c.mtp_num_layers; ++t) {
    auto copy = [&](const std::string& name, const std::string& of) {
      if (!name.empty()) map.tied(substitute(name, {{"t", t}}) + ".weight", of + ".weight");
    };
    copy(mtp.embedding, names.embedding);
    copy(mtp.head, names.output_layer);
  }
}

void add_mtp(Mapping& map, const TransformerConfig& c, const DecoderNames& names) {
  const std::string number = "{i}";
  std::string hf = names.layer;
  hf.replace(hf.find(number), number.size(), "{t+" + std::to_string(c.num_layers) + "}");
  add_mtp(map, c, names,
          {hf, hf + "eh_proj", hf + "enorm", hf + "hnorm", hf + "shared_head.norm", hf + "embed_tokens",
           hf + "shared_head.head"});
}

}  // namespace mhub
