// SPDX-License-Identifier: Apache-2.0
// Multi-token prediction.
#include <algorithm>

#include "mhub/config/heterogeneous.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub {
namespace {

const std::string kDecoderLayer = "decoder.layers.{i}.";
constexpr const char* kBlockCount = "num_nextn_predict_layers";

/// The same rule for multi-token-prediction blocks, which are built like the last decoder layer; nothing
/// where that layer has no such tensor. An indexer is in every block, also where that layer does as another
/// one: layers of blocks are counted on their own (multi_token_prediction.py).
std::optional<Rule> block_rule(Rule rule, const TransformerConfig& c, const DecoderNames& names,
                               const std::string& hf_layer) {
  const auto only = rule.values.find("i");
  const bool applies =
      rule.megatron.starts_with(kDecoderLayer) &&
      (only == rule.values.end() || rule.megatron.starts_with(kDecoderLayer + kIndexer) ||
       std::find(only->second.begin(), only->second.end(), c.num_layers - 1) != only->second.end());
  if (!applies) return std::nullopt;
  rule.values.erase("i");
  rule.megatron = "mtp.layers.{t}.transformer_layer." + rule.megatron.substr(kDecoderLayer.size());
  for (Operand& operand : rule.transform.operands)
    operand.name = hf_layer + operand.name.substr(names.layer.size());
  return rule;
}

/// The rules of the decoder's layers that such blocks repeat: its own, or with a dense MLP for its experts,
/// or with the attention of its layers that have a window.
std::vector<Rule> repeated_rules(const Mapping& decoder, const TransformerConfig& c, DecoderNames names,
                                 const MtpNames& mtp) {
  Mapping own;
  std::vector<std::string> replaced;
  if (c.mtp_dense) {
    if (!mtp.pre_mlp_norm.empty()) names.pre_mlp_norm = mtp.pre_mlp_norm;
    add_dense_mlp(own, c, names);
    replaced = {kDecoderLayer + "mlp.", kDecoderLayer + "pre_mlp_"};
  }
  if (c.mtp_windowed) {
    add_attention(own, with_attention_of(c, true), names);
    replaced.push_back(kDecoderLayer + "self_attention.");
  }
  std::vector<Rule> rules = own.rules();
  for (const Rule& rule : decoder.rules()) {
    if (std::none_of(replaced.begin(), replaced.end(),
                     [&](const std::string& part) { return rule.megatron.starts_with(part); }))
      rules.push_back(rule);
  }
  return rules;
}

/// Megatron's eh_proj is of [embedding; hidden state] (multi_token_prediction.py).
Transform mtp_projection(const MtpNames& mtp, std::int64_t hidden) {
  const std::string hf = mtp.projection + ".weight";
  const Shape shape{hidden, 2 * hidden};
  if (!mtp.hidden_first) return column(hf, shape);
  const View first = View(shape).slice(1, 0, hidden), second = View(shape).slice(1, hidden, hidden);
  return custom("swapped halves", {{hf, shape, {zip(first, second), zip(second, first)}, {}}}, shape,
                split_axis(0, shape));
}

}  // namespace

void bind_prediction_blocks(ConfigBinding& b, std::int64_t& blocks) {
  b.integer(kBlockCount, blocks);
  b.check(blocks >= 0, kBlockCount, "expected 0 or more");
  b.link(blocks, b.megatron.mtp_num_layers);
}

void add_mtp(Mapping& map, const TransformerConfig& c, const DecoderNames& names, const MtpNames& mtp) {
  if (c.mtp_num_layers == 0) return;
  const std::string block = "mtp.layers.{t}.";
  map.index("t", c.mtp_num_layers);
  for (const Rule& rule : repeated_rules(map, c, names, mtp)) {
    if (std::optional<Rule> same = block_rule(rule, c, names, mtp.layer))
      map.rule(same->megatron, same->transform) = *same;
  }
  add_norm(map, c, block + "enorm.", mtp.embedding_norm);
  add_norm(map, c, block + "hnorm.", mtp.hidden_norm);
  map.rule(block + "eh_proj.weight", mtp_projection(mtp, c.hidden_size));
  add_norm(map, c, block + "final_layernorm.", mtp.final_norm);
  for (std::int64_t t = 0; t < c.mtp_num_layers; ++t) {
    auto copy = [&](const std::string& name, const std::string& of) {
      if (!name.empty()) map.tied(substitute(name, {{"t", t}}) + ".weight", of + ".weight");
    };
    copy(mtp.embedding, names.embedding);
    copy(mtp.head, names.output_layer);
  }
}

MtpNames mtp_names(const TransformerConfig& c, const DecoderNames& names, const std::string& final_norm) {
  const std::string number = "{i}";
  std::string hf = names.layer;
  hf.replace(hf.find(number), number.size(), "{t+" + std::to_string(c.num_layers) + "}");
  return {hf, hf + "eh_proj", hf + "enorm", hf + "hnorm", hf + final_norm, {}, {}};
}

void add_mtp(Mapping& map, const TransformerConfig& c, const DecoderNames& names) {
  MtpNames mtp = mtp_names(c, names, "shared_head.norm");
  mtp.embedding = mtp.layer + "embed_tokens";
  mtp.head = mtp.layer + "shared_head.head";
  add_mtp(map, c, names, mtp);
}

MtpNames separate_mtp_names() {
  return {
      "mtp.layers.{t}.", "mtp.fc", "mtp.pre_fc_norm_embedding", "mtp.pre_fc_norm_hidden", "mtp.norm", {}, {}};
}

nlohmann::json with_separate_blocks(const ConfigReader& config, const TensorSource& tensors,
                                    const std::string& key) {
  const bool there = std::any_of(tensors.tensors().begin(), tensors.tensors().end(),
                                 [](const StoredTensor& tensor) { return tensor.name.starts_with("mtp."); });
  nlohmann::json json = config.json();
  if (there || json.contains(key)) json[key] = there ? 1 : 0;
  return json;
}

nlohmann::json without_absent_blocks(const ConfigReader& config, const TensorSource& tensors) {
  nlohmann::json json = config.json();
  if (!config.has(kBlockCount) || !config.has("num_hidden_layers") || config.integer(kBlockCount) <= 0)
    return json;
  const std::string block = "layers." + std::to_string(config.integer("num_hidden_layers")) + ".";
  const bool there =
      std::any_of(tensors.tensors().begin(), tensors.tensors().end(), [&](const StoredTensor& tensor) {
        const std::size_t at = tensor.name.find(block);
        return at == 0 || (at != tensor.name.npos && tensor.name[at - 1] == '.');
      });
  if (!there) json[kBlockCount] = 0;
  return json;
}

}  // namespace mhub
