// SPDX-License-Identifier: Apache-2.0
// Flags of Megatron-LM and what it cannot express, word by word.
#include <boost/test/unit_test.hpp>

#include "mhub/config/fields.hpp"
#include "models.hpp"

using namespace mhub;
using namespace mhub::tests;

namespace {

void check_lines(const Lines& found, const Lines& expected) {
  BOOST_CHECK_EQUAL_COLLECTIONS(found.begin(), found.end(), expected.begin(), expected.end());
}

std::string with_spec(const std::string& limit) {
  return limit + "; a layer spec can, see examples/megatron/";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(notes)

BOOST_AUTO_TEST_CASE(a_plain_decoder_needs_neither_flag_nor_note) {
  check_lines(field_flags(models().at("dense")), {});
  check_lines(field_limits(models().at("dense")), {});
}

BOOST_AUTO_TEST_CASE(flags_of_what_args_do_not_restore) {
  TransformerConfig c = models().at("window");
  c.layernorm_epsilon = 1e-6;
  c.layernorm_zero_centered_gamma = c.qk_layernorm = c.attention_output_gate = true;
  c.embedding_multiplier = 2.0;
  c.softmax_scale = 0.25;
  c.activation = ActivationFunction::quick_gelu;
  c.activation_clamp = 7.0;
  c.glu_linear_offset = 1.0;
  c.softmax_type = SoftmaxType::learnable;
  check_lines(
      field_flags(c),
      {"--norm-epsilon 1e-06", "--apply-layernorm-1p", "--qk-layernorm", "--qk-l2-norm", "--window-size 6,0",
       "--window-attn-skip-freq [1,1,0]", "--no-rope-freq [0,1,1]", "--use-mup", "--mup-embedding-mult 2",
       "--mup-output-mult 1", "--mup-base-head-dim 1", "--attention-output-gate", "--quick-geglu",
       "--activation-func-clamp-value 7", "--glu-linear-offset 1", "--softmax-type learnable"});
  c = models().at("learned positions");
  c.activation = ActivationFunction::gelu;
  check_lines(field_flags(c), {"--no-bias-gelu-fusion"});
  c = models().at("experts");
  c.moe->shared_expert_gate = c.moe->apply_probs_on_input = c.moe->router_fp32 = true;
  check_lines(field_flags(c),
              {"--moe-shared-expert-gate", "--moe-router-num-groups 4", "--moe-router-group-topk 2",
               "--moe-apply-probs-on-input", "--moe-router-dtype fp32"});
}

BOOST_AUTO_TEST_CASE(flags_of_parts) {
  check_lines(field_flags(models().at("latent attention")),
              {"--multi-latent-attention", "--q-lora-rank 12", "--kv-lora-rank 8", "--qk-head-dim 6",
               "--qk-pos-emb-head-dim 4", "--v-head-dim 6", "--rope-type rope", "--rotary-scaling-factor 1"});
  check_lines(field_flags(models().at("linear attention")),
              {"--experimental-attention-variant gated_delta_net", "--linear-attention-freq [1,1,0]",
               "--linear-conv-kernel-dim 4", "--linear-key-head-dim 128", "--linear-value-head-dim 128",
               "--linear-num-key-heads 16", "--linear-num-value-heads 32"});
  check_lines(field_flags(models().at("images and text")),
              {"--vision-model-type clip", "--img-h 28", "--img-w 28", "--patch-dim 14",
               "--disable-vision-class-token"});
}

BOOST_AUTO_TEST_CASE(flags_of_rotary_scaling) {
  check_lines(field_flags(models().at("rope linear")), {"--rotary-seq-len-interpolation-factor 4"});
  check_lines(field_flags(models().at("rope llama3")), {"--use-rope-scaling", "--rope-scaling-factor 4"});
  TransformerConfig c = models().at("rope yarn");
  const Lines scaling{"--rotary-scaling-factor 4", "--mscale 0.5", "--mscale-all-dim 0.5"};
  Lines all = scaling;
  for (const char* line : {"--yarn-original-max-position-embeddings 32", "--yarn-beta-fast 32",
                           "--yarn-beta-slow 1", "--yarn-correction-range-round-to-int"})
    all.emplace_back(line);
  check_lines(field_flags(c), all);
  c.mla = MlaConfig{0, 8, 6, 4, 6};
  Lines latent = scaling;
  for (const char* line : {"--multi-latent-attention", "--kv-lora-rank 8", "--qk-head-dim 6",
                           "--qk-pos-emb-head-dim 4", "--v-head-dim 6", "--rope-type yarn"})
    latent.emplace_back(line);
  check_lines(field_flags(c), latent);
}

BOOST_AUTO_TEST_CASE(limits_in_their_order) {
  TransformerConfig c = models().at("window");
  c.rotary_base_local = 500.0;
  c.activation = ActivationFunction::gelu_new;
  c.parallel_residual = c.post_norms = c.qk_layernorm = c.qk_layernorm_over_heads = true;
  c.residual_multiplier = 0.5;
  c.normalization = Normalization::layer;
  c.layernorm_bias = false;
  c.attention_proj_bias = c.output_layer_bias = c.normalized_output_layer = true;
  c.attn_logit_softcapping = c.final_logit_softcapping = 30.0;
  c.logits_multiplier = 0.5;
  c.attention_chunk_size = 4;
  c.qk_l2_norm_rotated_only = true;
  check_lines(
      field_limits(c),
      {with_spec("a rotary base of their own for layers with a window: GPTModel cannot"),
       with_spec("gated activation \"gelu_new\": Megatron-LM's flags (silu and quick_gelu) cannot"),
       with_spec("attention and MLP side by side: TransformerLayer cannot"),
       with_spec("norms behind attention and MLP: TransformerLayer cannot"),
       with_spec("a multiplier on residual branches: TransformerLayer cannot"),
       with_spec("norms on q and k over all heads: SelfAttention cannot"),
       with_spec("LayerNorm without bias: Megatron's norms have one"),
       "bias on linear_proj alone: Megatron-Core has one setting for all linear layers",
       with_spec("capped attention logits: Megatron-Core's attention cannot"),
       with_spec("capped logits: GPTModel cannot"), with_spec("a bias on the output layer: GPTModel cannot"),
       with_spec("rows of the output layer scaled to length 1: GPTModel cannot"),
       "multipliers or a scale of attention need a megatron-core with MuP (0.17 and later)",
       with_spec("attention within chunks: Megatron-Core has windows only"),
       with_spec("norms on q and k in layers that rotate only: SelfAttention has them in all"),
       with_spec("queries that grow with their position: SelfAttention cannot")});
  c = models().at("experts");
  c.moe->router_topk = 4;
  check_lines(field_limits(c), {"a group of experts counts by its 1 best: Megatron-Core takes 2 "
                                "(moe_router_topk / moe_router_group_topk)"});
}

BOOST_AUTO_TEST_SUITE_END()
