// SPDX-License-Identifier: Apache-2.0
// Flags of Megatron-LM and what it cannot express, word by word.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <boost/test/unit_test.hpp>

#include "mhub/config/fields.hpp"
#include "mhub/config/layer_specs.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(notes)

using namespace mhub;
using namespace mhub::tests;

namespace {

void check_lines(const Lines& found, const Lines& expected) {
  BOOST_CHECK_EQUAL_COLLECTIONS(found.begin(), found.end(), expected.begin(), expected.end());
}

std::string with_spec(const std::string& limit, const std::string& value = "") {
  return limit + "; a layer spec can, see examples/megatron/" + (value.empty() ? "" : ", with " + value);
}

std::string text_of(const std::string& spec) {
  std::ifstream in(std::filesystem::path(MHUB_REPOSITORY) / "examples/megatron" / spec);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

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
               "--qk-pos-emb-head-dim 4", "--v-head-dim 6", "--rope-type rope", "--rotary-scaling-factor 1",
               "--no-rope-fusion"});
  TransformerConfig sparse = models().at("sparse attention");
  sparse.sparse_attention->skip_topk_offset = 3;
  sparse.sparse_attention->rope_interleaved = true;
  sparse.sparse_attention->k_norm_epsilon = 1e-6;
  Lines flags = field_flags(models().at("latent attention"));
  for (const char* flag : {"--experimental-attention-variant dsa", "--no-dsa-indexer-rotate-activation",
                           "--dsa-indexer-n-heads 3", "--dsa-indexer-head-dim 8", "--dsa-indexer-topk 16",
                           "--dsa-indexer-topk-freq 2", "--dsa-indexer-skip-topk-offset 3",
                           "--dsa-indexer-rope-interleaved", "--dsa-indexer-k-norm-epsilon 1e-06"})
    flags.emplace_back(flag);
  check_lines(field_flags(sparse), flags);
  sparse.rope_scaling.type = RopeKind::yarn;  // whose rotation Megatron-LM fuses
  BOOST_TEST(std::count(flags.begin(), flags.end(), "--no-rope-fusion") == 1);
  flags = field_flags(sparse);
  BOOST_TEST(std::count(flags.begin(), flags.end(), "--no-rope-fusion") == 1);
  check_lines(field_flags(models().at("linear attention")),
              {"--experimental-attention-variant gated_delta_net", "--linear-attention-freq [1,1,0]",
               "--linear-conv-kernel-dim 4", "--linear-key-head-dim 128", "--linear-value-head-dim 128",
               "--linear-num-key-heads 16", "--linear-num-value-heads 32"});
  check_lines(field_flags(models().at("images and text")),
              {"--vision-model-type clip", "--img-h 28", "--img-w 28", "--patch-dim 14",
               "--disable-vision-class-token"});
}

BOOST_AUTO_TEST_CASE(what_an_export_computes_otherwise) {
  TransformerConfig c = models().at("latent attention");
  c.layernorm_epsilon = 1e-6;
  check_lines(export_notes(c), {});
  c.layernorm_epsilon = 0.01;
  check_lines(export_notes(c),
              {"the norms of compressed queries, keys and values have an epsilon of 1e-06 in transformers; "
               "Megatron-Core takes 0.01 for all norms"});
  c.mla.reset();
  check_lines(export_notes(c), {});
}

BOOST_AUTO_TEST_CASE(a_factor_that_the_builder_forgets) {
  TransformerConfig c = models().at("rope llama3");
  c.rope_scaling.original_max_position_embeddings = 8192;
  BOOST_REQUIRE(field_limits(c).size() == 1U);
  BOOST_TEST(field_limits(c).front().starts_with("llama3 rope scaling with a factor of 4: "));
  c.rope_scaling.factor = 8.0;
  check_lines(field_limits(c), {});
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
  c.qk_layernorm_per_head = c.qk_layernorm_rotated = true;
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
       with_spec("norms on q and k with a weight for each head: SelfAttention has one for all"),
       with_spec("norms on q and k behind the rotation: SelfAttention has them in front of it"),
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
  c.moe->router_group_topk = c.moe->router_num_groups = 0;
  c.moe->router_enable_expert_bias = true;
  check_lines(field_limits(c), {with_spec("a softmax, corrected for the choice of experts: Megatron-Core "
                                          "corrects a sigmoid only")});
  c = three_layers();
  c.gated_linear_unit = false;
  c.activation = ActivationFunction::xielu;
  check_lines(field_limits(c), {with_spec("activation \"xielu\": Megatron-Core has none")});
  c = models().at("hybrid");
  check_lines(field_limits(c), {});
  c.layernorm_epsilon = 1e-6;
  check_lines(field_limits(c),
              {"an epsilon of the norms in Mamba mixers other than 1e-5, which MambaMixer has "
               "(mamba_mixer.py)"});
}

BOOST_AUTO_TEST_CASE(a_model_gets_the_spec_that_has_its_parts) {
  const auto module = [](const TransformerConfig& c) {
    const auto spec = layer_spec(c);
    return spec ? spec->module : std::string("none");
  };
  TransformerConfig c = models().at("dense");
  BOOST_TEST(module(c) == "none");
  c.parallel_residual = true;
  BOOST_TEST(module(c) == "gpt_neox");
  c.shared_pre_norm = true;
  BOOST_TEST(module(c) == "falcon");
  c.output_layer_bias = true;
  BOOST_TEST(module(c) == "phi");
  c.qk_layernorm = true;  // phi's layers have none
  BOOST_TEST(module(c) == "none");
  c = models().at("dense");
  c.post_norms = true;
  BOOST_TEST(module(c) == "glm4");
  c.pre_norms = false;
  c.qk_layernorm = true;
  BOOST_TEST(module(c) == "exaone4");
  c.qk_layernorm_over_heads = true;
  BOOST_TEST(module(c) == "olmo2");
  c.residual_multiplier = 0.22;  // no spec has both
  BOOST_TEST(module(c) == "none");
  c = models().at("experts");
  c.residual_multiplier = 0.22;
  c.qk_layernorm = true;  // layers of experts take it from the config
  BOOST_TEST(module(c) == "granite_moe");
  c.hybrid_layer_pattern = "MEME*EMEME";
  BOOST_TEST(module(c) == "granite_hybrid");
  c.post_norms = true;
  BOOST_TEST(module(c) == "none");
}

/// Gemma 4 has all that Gemma 3's spec builds, and more.
BOOST_AUTO_TEST_CASE(a_layer_spec_for_a_part_of_a_model_is_none) {
  TransformerConfig c = three_layers();
  c.activation = ActivationFunction::gelu_pytorch_tanh;
  c.post_norms = c.qk_layernorm = true;
  c.sliding_window = 7;
  c.window_layers = {1, 1, 0};
  c.rotary_base_local = 10000.0;
  BOOST_TEST(layer_spec(c).value().module == "gemma3");
  c.value_norm = true;
  BOOST_TEST(!layer_spec(c).has_value());
  for (const std::string& limit : field_limits(c)) BOOST_TEST(limit.find("layer spec") == limit.npos, limit);
}

BOOST_AUTO_TEST_CASE(values_that_layer_specs_do_not_have_are_said) {
  TransformerConfig c = models().at("dense");
  c.residual_multiplier = 0.22;
  check_lines(field_limits(c), {with_spec("a multiplier on residual branches: TransformerLayer cannot")});
  c.residual_multiplier = 0.5;
  check_lines(field_limits(c), {with_spec("a multiplier on residual branches: TransformerLayer cannot",
                                          "residual_multiplier 0.5 in the place of 0.22")});
  c = models().at("dense");
  c.activation = ActivationFunction::gelu_new;  // the same function under another name
  c.post_norms = true;
  c.attn_logit_softcapping = 40.0;
  c.final_logit_softcapping = 30.0;
  check_lines(field_limits(c),
              {with_spec("gated activation \"gelu_new\": Megatron-LM's flags (silu and quick_gelu) cannot"),
               with_spec("norms behind attention and MLP: TransformerLayer cannot"),
               with_spec("capped attention logits: Megatron-Core's attention cannot",
                         "attn_logit_softcapping 40 in the place of 50"),
               with_spec("capped logits: GPTModel cannot")});
  c = models().at("experts");
  c.no_rope_layers = {0, 1, 1};
  c.attention_chunk_size = 4;
  c.attention_temperature = AttentionTemperature{5, 0.3};
  check_lines(field_limits(c), {with_spec("attention within chunks: Megatron-Core has windows only",
                                          "attention_chunk_size 4 in the place of 8192"),
                                with_spec("queries that grow with their position: SelfAttention cannot",
                                          "floor_scale 5 in the place of 8192, with scale 0.3 in the place "
                                          "of 0.1")});
  // The constants of the specs themselves.
  BOOST_TEST(text_of("granite.py").find("residual_multiplier=0.22)") != std::string::npos);
  BOOST_TEST(text_of("moe_layers.py").find("multiplier=0.22)") != std::string::npos);
  BOOST_TEST(text_of("gemma2.py").find("capped_attention(50.0)") != std::string::npos);
  BOOST_TEST(text_of("gemma2.py").find("logit_cap=30.0)") != std::string::npos);
  BOOST_TEST(text_of("gemma3.py").find("rotary_base_local=10000)") != std::string::npos);
  BOOST_TEST(text_of("llama4.py").find("chunk_size=8192, floor_scale=8192, attn_scale=0.1)") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_does_not_go_with_prediction_blocks_is_said) {
  TransformerConfig c = models().at("rope yarn");
  const std::size_t before = field_limits(c).size();
  c.mtp_num_layers = 1;
  BOOST_TEST_REQUIRE(field_limits(c).size() == before + 1);
  BOOST_TEST(field_limits(c).back().starts_with("prediction blocks beside YaRN"));
  c = models().at("linear attention");
  c.mtp_num_layers = 1;
  BOOST_TEST(field_limits(c).back().starts_with("prediction blocks beside gated delta nets"));
  c = models().at("experts and dense blocks");
  const Lines dense = field_limits(c);
  BOOST_TEST(dense.back().starts_with("prediction blocks with a dense MLP behind layers of experts"));
  c.mtp_dense = false;
  BOOST_TEST(field_limits(c).size() == dense.size() - 1);
}

BOOST_AUTO_TEST_CASE(experts_with_biases_go_without_a_fusion) {
  TransformerConfig c = models().at("experts");
  const auto said = [&] {
    const Lines flags = field_flags(c);
    return std::count(flags.begin(), flags.end(), "--no-bias-dropout-fusion");
  };
  BOOST_TEST(said() == 0);
  c.add_bias_linear = true;
  BOOST_TEST(said() == 1);
}

BOOST_AUTO_TEST_CASE(a_softmax_over_one_expert_is_said) {
  TransformerConfig c = models().at("experts");
  c.moe->router_num_groups = c.moe->router_group_topk = 0;
  c.moe->router_topk = 1;
  c.moe->router_score_function = RouterScore::softmax;
  BOOST_TEST_REQUIRE(field_limits(c).size() == 1U);
  BOOST_TEST(field_limits(c).front().starts_with("one expert a token"));
  c.moe->router_pre_softmax = true;
  check_lines(field_limits(c), {});
  c.moe->router_pre_softmax = false;
  c.moe->router_score_function = RouterScore::sigmoid;
  check_lines(field_limits(c), {});
}

BOOST_AUTO_TEST_SUITE_END()
