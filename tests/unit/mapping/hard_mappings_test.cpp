// SPDX-License-Identifier: Apache-2.0
// The hardest public architectures sketched in rule types, as tests of the type design: every element must be
// covered, in both directions, and TP must be able to split. Their plugins come later; what is checked here
// is that no new concept is needed for the index maps. (FP8 and MXFP4 sources are value steps: a ByteSource
// that decodes, in front of the same maps.)
#include <boost/test/unit_test.hpp>

#include "mapping/state_values.hpp"
#include "mhub/mapping/mapping.hpp"
#include "mhub/megatron/layout.hpp"

BOOST_AUTO_TEST_SUITE(hard_mappings_tests)

using namespace mhub;
using namespace mhub::tests;

namespace {

void check_bijection(const Mapping& map) {
  const ExpandedMapping mapping = expand(map);
  const Values source = numbered_values(mapping.import.source);
  BOOST_TEST((applied(inverted(mapping.import), applied(mapping.import, source)) == source));
  for (const CanonicalTensor& tensor : mapping.canonical) {
    if (tensor.partition.replicated()) continue;
    std::int64_t owned = 0;
    for (int rank = 0; rank < 2; ++rank) {
      for (const AxisRange& range : shard_ranges(tensor.name, tensor.partition, 2, rank))
        owned += range.length;
    }
    BOOST_TEST(owned == tensor.shape[static_cast<std::size_t>(tensor.partition.axis)]);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(deepseek_v3) {
  // Multi-head latent attention, one dense layer then experts, multi-token prediction at HF layer L.
  const std::int64_t L = 3, dense = 1, E = 4, h = 6, f = 4, mf = 2, heads = 2, q_lora = 3, kv_lora = 4,
                     nope = 2, rope = 2, vd = 2;
  const std::string hf = "model.layers.{i}.", layer = "decoder.layers.{i}.";
  Mapping map;
  map.index("i", L).index("e", E).index("t", 1);
  auto attention = [&](const std::string& m, const std::string& s) {
    map.rule(m + "self_attention.linear_q_down_proj.weight",
             replicated(s + "self_attn.q_a_proj.weight", {q_lora, h}));
    map.rule(m + "self_attention.linear_q_up_proj.weight",
             column(s + "self_attn.q_b_proj.weight", {heads * (nope + rope), q_lora}));
    map.rule(m + "self_attention.linear_kv_down_proj.weight",
             replicated(s + "self_attn.kv_a_proj_with_mqa.weight", {kv_lora + rope, h}));
    map.rule(m + "self_attention.linear_kv_up_proj.weight",
             column(s + "self_attn.kv_b_proj.weight", {heads * (nope + vd), kv_lora}));
    map.rule(m + "self_attention.linear_proj.weight", row(s + "self_attn.o_proj.weight", {h, heads * vd}));
  };
  attention(layer, hf);
  map.rule(layer + "mlp.linear_fc1.weight", gated(hf + "mlp.{gate,up}_proj.weight", f, {h}))
      .only("i", 0, dense);
  map.rule(layer + "mlp.linear_fc2.weight", row(hf + "mlp.down_proj.weight", {h, f})).only("i", 0, dense);
  map.rule(layer + "mlp.router.expert_bias", replicated(hf + "mlp.gate.e_score_correction_bias", {E}))
      .only("i", dense, L);
  const std::string expert = layer + "mlp.experts.local_experts.{e}.", hf_expert = hf + "mlp.experts.{e}.";
  map.rule(expert + "linear_fc1.weight", gated(hf_expert + "{gate,up}_proj.weight", mf, {h}))
      .only("i", dense, L);
  map.rule(expert + "linear_fc2.weight", row(hf_expert + "down_proj.weight", {h, mf})).only("i", dense, L);
  // MTP: Megatron's block t is HF's layer L + t.
  const std::string mtp = "model.layers.{t+" + std::to_string(L) + "}.";
  attention("mtp.layers.{t}.transformer_layer.", mtp);
  map.rule("mtp.layers.{t}.eh_proj.weight", column(mtp + "eh_proj.weight", {h, 2 * h}));
  check_bijection(map);
}

BOOST_AUTO_TEST_CASE(gpt_oss) {
  // Experts stacked [E, in, out] with gate and up interleaved by column, biases likewise, sinks per head.
  const std::int64_t L = 2, E = 3, h = 4, f = 6, heads = 4;
  Mapping map;
  map.index("i", L).index("e", E);
  const std::string hf = "model.layers.{i}.", layer = "decoder.layers.{i}.",
                    expert = layer + "mlp.experts.local_experts.{e}.";
  map.rule(layer + "self_attention.core_attention.softmax_offset", column(hf + "self_attn.sinks", {heads}));
  auto deinterleaved = [&](const std::string& name, const Shape& inner) {
    Shape shape{2 * f};
    shape.insert(shape.end(), inner.begin(), inner.end());
    Shape permuted{f, 2};
    const View source = View(shape).split(0, {f, 2});
    const View destination = View(shape).split(0, {2, f});
    std::vector<std::size_t> order{1, 0};
    if (!inner.empty()) order.push_back(2);
    Operand operand{name, shape, {zip(source.permute(order), destination)}, {}};
    return custom("deinterleaved", {operand}, shape, split_axis(0, shape, {f, f}));
  };
  map.rule(expert + "linear_fc1.weight",
           stacked(transposed(deinterleaved(hf + "mlp.experts.gate_up_proj", {h})), "e", E));
  map.rule(expert + "linear_fc1.bias",
           stacked(deinterleaved(hf + "mlp.experts.gate_up_proj_bias", {}), "e", E));
  map.rule(expert + "linear_fc2.weight",
           stacked(transposed(row(hf + "mlp.experts.down_proj", {h, f})), "e", E));
  map.rule(expert + "linear_fc2.bias", stacked(replicated(hf + "mlp.experts.down_proj_bias", {h}), "e", E));
  check_bijection(map);
  // HF bias [g0 u0 g1 u1 ...] becomes [g0 g1 ...; u0 u1 ...].
  Mapping bias;
  bias.index("i", 1).index("e", 1);
  bias.rule("b", deinterleaved("x", {}));
  BOOST_TEST(applied(expand(bias).import, {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}})[0] ==
                 (std::vector<std::int64_t>{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(qwen3_next_gated_linear_attention) {
  // HF groups in_proj_qkvz by key head: per head [q; k; v of its value heads; z of them], and in_proj_ba [b;
  // a]; Megatron's in_proj is [q; k; v; z; b; a], six segments under TP. Every fourth layer is full attention
  // with an output gate: q_proj holds [q; gate] per head, Megatron keeps per group its q heads, their gates,
  // k, v.
  const std::int64_t L = 4, h = 3, kh = 2, ratio = 2, kd = 2, vd = 3, vh = kh * ratio;
  const std::int64_t key = kh * kd, value = vh * vd;
  Mapping map;
  map.index("i", L);
  const std::string hf = "model.layers.{i}.", layer = "decoder.layers.{i}.";
  const Shape fused{2 * key + 2 * value + 2 * vh, h};
  const std::int64_t per_head = 2 * kd + 2 * ratio * vd;
  const View qkvz = View({kh * per_head, h}).split(0, {kh, per_head});
  const View ba = View({2 * vh, h}).split(0, {kh, 2 * ratio});
  std::int64_t first = 0;
  auto segment = [&](std::int64_t rows) {
    const View part = View(fused).slice(0, first, rows).split(0, {kh, rows / kh});
    first += rows;
    return part;
  };
  Operand a{hf + "linear_attn.in_proj_qkvz.weight", {kh * per_head, h}, {}, {}};
  Operand b{hf + "linear_attn.in_proj_ba.weight", {2 * vh, h}, {}, {}};
  a.boxes = {zip(qkvz.slice(1, 0, kd), segment(key)), zip(qkvz.slice(1, kd, kd), segment(key)),
             zip(qkvz.slice(1, 2 * kd, ratio * vd), segment(value)),
             zip(qkvz.slice(1, 2 * kd + ratio * vd, ratio * vd), segment(value))};
  b.boxes = {zip(ba.slice(1, 0, ratio), segment(vh)), zip(ba.slice(1, ratio, ratio), segment(vh))};
  map.rule(layer + "self_attention.in_proj.weight",
           custom("gated delta net", {a, b}, fused, split_axis(0, fused, {key, key, value, value, vh, vh})))
      .only("i", {0, 1, 2});
  const std::int64_t heads = 4, groups = 2, dim = 2, per_group = heads / groups;
  const Shape attention{(2 * heads + 2 * groups) * dim, h};
  const View all = View(attention).split(0, {groups, 2 * per_group + 2, dim});
  const View q_gate = View({heads * 2 * dim, h}).split(0, {groups, per_group, 2, dim});
  auto plain = [&](const char* name, std::int64_t at) {
    return Operand{hf + name,
                   {groups * dim, h},
                   {zip(View({groups * dim, h}).split(0, {groups, dim}), all.select(1, at))},
                   {}};
  };
  const Operand q{hf + "self_attn.q_proj.weight",
                  {heads * 2 * dim, h},
                  {zip(q_gate.select(2, 0), all.slice(1, 0, per_group)),
                   zip(q_gate.select(2, 1), all.slice(1, per_group, per_group))},
                  {}};
  map.rule(layer + "self_attention.linear_qkv.weight",
           custom("qkv with gate",
                  {q, plain("self_attn.k_proj.weight", 2 * per_group),
                   plain("self_attn.v_proj.weight", 2 * per_group + 1)},
                  attention, split_axis(0, attention)))
      .only("i", {3});
  check_bijection(map);
}

BOOST_AUTO_TEST_CASE(llava) {
  // Two stacks with index variables of their own; the vision tower's fused bias is per-head reordered like a
  // QKV.
  const std::int64_t L = 2, T = 3, h = 4, vh = 6;
  Mapping map;
  map.index("i", L).index("t", T);
  const std::string vision = "vision_model.decoder.layers.{t}.",
                    clip = "vision_tower.vision_model.encoder.layers.{t}.";
  map.rule("vision_model.class_token",
           replicated("vision_tower.vision_model.embeddings.class_embedding", {vh}));
  map.rule("vision_model.conv1.weight",
           replicated("vision_tower.vision_model.embeddings.patch_embedding.weight", {vh, 3, 2, 2}));
  map.rule(vision + "self_attention.linear_qkv.weight",
           qkv(clip + "self_attn.{q,k,v}_proj.weight", {2, 2, 3}, {vh}));
  map.rule(vision + "mlp.linear_fc1.weight", column(clip + "mlp.fc1.weight", {8, vh}));
  map.rule("vision_projection.encoder.linear_fc1.weight",
           column("multi_modal_projector.linear_1.weight", {h, vh}));
  map.rule("language_model.decoder.layers.{i}.mlp.linear_fc1.weight",
           gated("language_model.model.layers.{i}.mlp.{gate,up}_proj.weight", 4, {h}));
  check_bijection(map);
}

BOOST_AUTO_TEST_SUITE_END()
