// SPDX-License-Identifier: Apache-2.0
// What Megatron's model reads and no Hugging Face model has: refused by name where it changes the model.
#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/megatron/megatron_args.hpp"
#include "models.hpp"

BOOST_AUTO_TEST_SUITE(unsupported_settings)

using namespace mhub;
using namespace mhub::tests;
using Json = nlohmann::json;

namespace {

/// What a description of the model with these values in it says; the error's text where it is refused.
Json read_with(const TransformerConfig& model, Dialect dialect, const Json& values) {
  Json stated = description_of(model, dialect);
  stated.update(values);
  try {
    return described(read_description(stated, dialect, "somewhere"));
  } catch (const InputError& error) {
    return std::string(error.what());
  }
}

void require_refused(const TransformerConfig& model, const std::string& name, const Json& value) {
  for (const Dialect dialect : {Dialect::args, Dialect::run_config}) {
    const Json read = read_with(model, dialect, {{name, value}});
    BOOST_REQUIRE_MESSAGE(read.is_string(), name + " is taken");
    BOOST_TEST(read.get<std::string>().starts_with("somewhere: " + name + ": unsupported: " + value.dump()),
               read);
  }
}

void require_taken(const TransformerConfig& model, const Json& values) {
  for (const Dialect dialect : {Dialect::args, Dialect::run_config})
    BOOST_TEST(read_with(model, dialect, values) == read_with(model, dialect, Json::object()), values);
}

}  // namespace

BOOST_AUTO_TEST_CASE(settings_of_experts) {
  const TransformerConfig experts = models().at("experts"), dense = three_layers();
  const std::vector<std::pair<std::string, Json>> changes{
      {"moe_expert_capacity_factor", 1.25},
      {"moe_router_load_balancing_type", "sinkhorn"},
      {"moe_router_force_load_balancing", true},
      {"moe_router_force_biased", 0.5},
      {"moe_mlp_glu_interleave_size", 32},
      {"moe_router_load_balancing_type", Json{"aux_loss", "sinkhorn"}}};
  for (const auto& [name, value] : changes) {
    require_refused(experts, name, value);
    require_taken(dense, {{name, value}});
    require_taken(experts, {{name, nullptr}});
  }
  require_taken(experts, {{"moe_expert_capacity_factor", -1.0}, {"moe_router_force_load_balancing", false}});
  require_taken(experts, {{"moe_router_load_balancing_type", {"aux_loss", "seq_aux_loss"}}});
  require_refused(experts, "moe_shared_expert_glu_interleave_size", 32);
  TransformerConfig unshared = experts;
  unshared.moe->shared_expert_intermediate_size = 0;
  require_taken(unshared, {{"moe_shared_expert_glu_interleave_size", 32}});
}

BOOST_AUTO_TEST_CASE(settings_of_all_models) {
  const TransformerConfig dense = three_layers();
  require_refused(dense, "experimental_attention_variant", "dsa");
  require_refused(dense, "heterogeneous_layers_config_path", "blocks.json");
  require_refused(dense, "heterogeneous_block_specs", true);
  for (const char* name : {"experts", "latent attention", "hybrid"})
    require_refused(models().at(name), "heterogeneous_layers_config_encoded_json", "{}");
  require_refused(dense, "yaml_cfg", "model.yaml");
  require_taken(dense,
                {{"heterogeneous_layers_config_encoded_json", ""}, {"heterogeneous_block_specs", false}});
  TransformerConfig predicting = dense;
  predicting.mtp_num_layers = 1;
  require_taken(predicting, {{"mtp_use_repeated_layer", true}});
  predicting.mtp_num_layers = 2;
  require_refused(predicting, "mtp_use_repeated_layer", true);
}

/// megatron/core/transformer/experimental_attention_variant/dsa.py.
BOOST_AUTO_TEST_CASE(settings_of_sparse_attention) {
  const TransformerConfig sparse = models().at("sparse attention");
  require_refused(sparse, "dsa_indexer_scoring_relu", false);
  require_taken(models().at("latent attention"), {{"dsa_indexer_scoring_relu", false}});
  // A Hadamard rotation of queries and keys leaves their products as they are; the others are of kernels,
  // precision and the loss that trains the indexer.
  require_taken(sparse, {{"dsa_indexer_rotate_activation", true}, {"dsa_indexer_k_norm_fp32", true}});
  require_taken(sparse, {{"dsa_kernel_backend", "tilelang"}, {"dsa_indexer_loss_coeff", 0.01}});
  require_taken(sparse, {{"dsa_indexer_k_norm_epsilon", sparse.layernorm_epsilon}});
  TransformerConfig first = sparse;
  first.sparse_attention->skip_topk_offset = 0;
  require_taken(first, {{"dsa_indexer_skip_topk_offset", 1}});  // both begin with the first layer
  BOOST_TEST(read_with(sparse, Dialect::args, {{"dsa_indexer_k_norm_epsilon", 1e-3}}) !=
             read_with(sparse, Dialect::args, Json::object()));
  for (const Dialect dialect : {Dialect::args, Dialect::run_config}) {
    Json old = description_of(sparse, dialect);
    old.erase("dsa_indexer_rope_interleaved");
    BOOST_CHECK_EXCEPTION(
        read_description(old, dialect, "somewhere"), InputError, [](const InputError& error) {
          return std::string(error.what()).starts_with("somewhere: dsa_indexer_rope_interleaved: missing");
        });
  }
}

/// A value of another type than the field's is no default.
BOOST_AUTO_TEST_CASE(what_was_no_plain_value_is_refused_where_it_is_asked_for) {
  const Json object{{"python", "an object of torch Size"}};
  for (const char* name :
       {"window_size", "num_layers", "rotary_base", "normalization", "moe_ffn_hidden_size", "swiglu"}) {
    const Json read = read_with(models().at("experts"), Dialect::args, {{name, object}});
    BOOST_TEST(read.is_string(), name);
    if (read.is_string()) BOOST_TEST(read.get<std::string>().find(name) != std::string::npos, read);
  }
  require_taken(models().at("experts"), {{"a_setting_of_the_job", object}});
}

/// megatron/core/transformer/multi_latent_attention.py has rotary positions and a scale of its own.
BOOST_AUTO_TEST_CASE(latent_attention_rotates_by_itself) {
  const TransformerConfig latent = models().at("latent attention");
  require_taken(latent, {{"softmax_scale", 0.5}, {"add_qkv_bias", true}, {"no_rope_freq", {0, 1, 0}}});
  require_taken(latent, {{"position_embedding_type", "none"}});
  require_taken(latent, {{"position_embedding_type", "yarn"}, {"yarn_rotary_scaling_factor", 4.0}});
  require_taken(latent, {{"use_rope_scaling", true}, {"rope_scaling", true}});
  require_taken(latent, {{"group_query_attention", true}, {"num_query_groups", 2}});
  require_taken(latent, {{"rope_type", "rope"}, {"rotary_scaling_factor", 4.0}, {"mscale_all_dim", 0.0}});
  require_refused(latent, "rotary_percent", 0.5);
  require_taken(latent, {{"rope_type", "yarn"}, {"rotary_percent", 0.5}});

  const Json scaled{{"rotary_scaling_factor", 4.0}, {"mscale", 0.7}, {"mscale_all_dim", 0.7}};
  for (const Dialect dialect : {Dialect::args, Dialect::run_config}) {
    Json unsaid = scaled;
    unsaid["rope_type"] = nullptr;
    BOOST_TEST(read_with(latent, dialect, unsaid).at("rope_scaling").at("type") == "yarn");
    Json plain = scaled;
    plain["rope_type"] = "rope";
    const Json refused = read_with(latent, dialect, plain);
    BOOST_REQUIRE(refused.is_string());
    BOOST_TEST(refused.get<std::string>().find("rotary_scaling_factor: unsupported: 4 with mscale_all_dim") !=
                   std::string::npos,
               refused);
  }
}

/// The tanh form of GELU is Megatron's fusion with biases, or with a gate; openai_gelu selects nothing.
BOOST_AUTO_TEST_CASE(gelu_is_what_megatron_computes) {
  const TransformerConfig model = models().at("learned positions");  // gelu_new, with biases
  const auto activation = [&](Dialect dialect, Json values) {
    values["hf_activation"] = nullptr;
    return read_with(model, dialect, values).at("activation");
  };
  const std::string tanh = "gelu_pytorch_tanh", erf = "gelu";
  BOOST_TEST(activation(Dialect::args, {{"openai_gelu", true}, {"bias_gelu_fusion", false}}) == erf);
  BOOST_TEST(activation(Dialect::args, {{"openai_gelu", true}, {"bias_gelu_fusion", true}}) == tanh);
  BOOST_TEST(activation(Dialect::args, {{"openai_gelu", false}, {"bias_gelu_fusion", true}}) == tanh);
  BOOST_TEST(activation(Dialect::args, {{"openai_gelu", true}}) == tanh);
  const Json gelu{{"_target_", "torch.nn.functional.gelu"}, {"_call_", false}};
  const auto stated = [&](bool fused, bool gated, bool biases) {
    return activation(Dialect::run_config, {{"activation_func", gelu},
                                            {"bias_activation_fusion", fused},
                                            {"gated_linear_unit", gated},
                                            {"add_bias_linear", biases}});
  };
  BOOST_TEST(stated(true, false, true) == tanh);
  BOOST_TEST(stated(true, true, false) == tanh);
  BOOST_TEST(stated(false, true, true) == erf);
}

BOOST_AUTO_TEST_CASE(names_of_other_versions_and_settings_that_mean_nothing) {
  TransformerConfig biased = three_layers();
  biased.add_bias_linear = true;
  Json stated = description_of(three_layers(), Dialect::args);
  stated.erase("add_bias_linear");
  BOOST_TEST(read_description(stated, Dialect::args, "somewhere").add_bias_linear);
  stated["disable_bias_linear"] = true;
  BOOST_TEST(!read_description(stated, Dialect::args, "somewhere").add_bias_linear);

  // Without the variant megatron-core has no linear attention, without a shared expert no gate for it, and
  // without a number of groups chosen no groups; where all layers have experts, no other MLP.
  require_taken(three_layers(), {{"linear_attention_freq", 2}});
  TransformerConfig experts = models().at("experts");
  experts.moe->layer_freq.clear();
  experts.moe->router_group_topk = experts.moe->shared_expert_intermediate_size = 0;
  require_taken(experts,
                {{"moe_shared_expert_gate", true}, {"moe_router_num_groups", 2}, {"ffn_hidden_size", 7}});
  BOOST_TEST(read_with(models().at("experts"), Dialect::args, {{"ffn_hidden_size", 7}}) !=
             read_with(models().at("experts"), Dialect::args, Json::object()));
}

BOOST_AUTO_TEST_SUITE_END()
