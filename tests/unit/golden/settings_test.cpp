// SPDX-License-Identifier: Apache-2.0
// The arguments, flags and run_config.yaml that mhub writes say of a model what Megatron-LM's own parser
// makes of its flags and what Megatron-Bridge's own provider says of its config.json.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <yaml-cpp/yaml.h>

#include "cli/run_mhub.hpp"
#include "golden/facts.hpp"
#include "mhub/config/fields.hpp"
#include "mhub/megatron/megatron_args.hpp"
#include "mhub/store/pickle/plain.hpp"
#include "mhub/store/torch_dist/torch_dist.hpp"

BOOST_AUTO_TEST_SUITE(settings_tests)

using namespace mhub;
using namespace mhub::tests;
using Json = nlohmann::json;

namespace {

/// Arguments of the job that wrote a checkpoint.
const std::set<std::string> kJobArguments{"params_dtype", "no_save_optim", "no_save_rng", "padded_vocab_size",
                                          "make_vocab_size_divisible_by"};
/// Names that Megatron-LM 0.19's parser has not: those of older versions, and fields of MLATransformerConfig
/// without an argument, which a checkpoint has all the same.
const std::set<std::string> kOtherArguments{"norm_epsilon", "apply_layernorm_1p",
                                            "original_max_position_embeddings", "beta_fast", "beta_slow"};
/// Two that say the same as others: what the parser once made of position_embedding_type, and the tanh form
/// of GELU, which in Megatron-LM is the fusion with a bias, its default.
const std::set<std::string> kRedundantArguments{"use_rotary_position_embeddings", "openai_gelu"};
/// Flags of training, and those that the tokenizer stands for.
const std::set<std::string> kOtherFlags{"--vocab-size", "--init-method-std", "--moe-aux-loss-coeff"};
/// Settings of a training job, which Bridge's providers state per model: types, fusions, communication,
/// losses.
const std::set<std::string> kJobSettings{"bf16",
                                         "params_dtype",
                                         "pipeline_dtype",
                                         "autocast_dtype",
                                         "persist_layer_norm",
                                         "bias_activation_fusion",
                                         "bias_dropout_fusion",
                                         "apply_rope_fusion",
                                         "moe_permute_fusion",
                                         "mla_down_proj_fusion",
                                         "cross_entropy_fusion_impl",
                                         "cross_entropy_loss_fusion",
                                         "gradient_accumulation_fusion",
                                         "masked_softmax_fusion",
                                         "moe_flex_dispatcher_backend",
                                         "moe_flex_dispatcher_num_sms",
                                         "dsa_indexer_loss_coeff",
                                         "dsa_indexer_use_sparse_loss",
                                         "moe_token_dispatcher_type",
                                         "moe_shared_expert_overlap",
                                         "moe_router_load_balancing_type",
                                         "moe_aux_loss_coeff",
                                         "cp_comm_type",
                                         "deallocate_pipeline_outputs",
                                         "cache_mla_latents",
                                         "make_vocab_size_divisible_by"};

struct Written {
  Json args, run_config;
  std::vector<std::string> flags;
};

Json json_of(const YAML::Node& node) {
  Json json;
  if (node.IsMap()) {
    for (const auto& entry : node) json[entry.first.Scalar()] = json_of(entry.second);
  } else if (node.IsSequence()) {
    json = Json::array();
    for (const YAML::Node& one : node) json.push_back(json_of(one));
  } else if (node.IsScalar()) {
    const Json value = Json::parse(node.Scalar(), nullptr, false);
    json = value.is_discarded() || node.Tag() == "!" ? Json(node.Scalar()) : value;
  }
  return json;
}

/// A function or type as Bridge's YAML refers to it: its name.
Json named(const Json& value) {
  return value.is_object() && value.value("_call_", true) == false ? value["_target_"] : value;
}

Written written(const GoldenCase& golden) {
  const Scratch scratch;
  write_published(golden, scratch / "hf");
  const Run run = run_mhub(
      "convert " + (scratch / "hf") + " " + (scratch / "out") + " --json " +
      (golden.layouts.front().options.find("hybrid") == std::string::npos ? "" : "--model-type hybrid"));
  BOOST_REQUIRE_MESSAGE(run.code == 0, golden.name << ": " << run.err);
  Written found;
  const TorchDistCheckpoint dist = open_torch_dist(scratch / "out/release");
  found.args = plain_json(*dist.common->find("args"));
  for (const auto& entry : YAML::LoadFile(scratch / "out/release/run_config.yaml")["model"])
    found.run_config[entry.first.Scalar()] = named(json_of(entry.second));
  found.flags = Json::parse(run.out)["megatron_lm_flags"].get<std::vector<std::string>>();
  return found;
}

/// What the packages say of a setting; nothing where they do not know it.
const Json* known(const Json& differing, const Json& defaults, const std::string& name) {
  for (const Json* one : {&differing, &defaults}) {
    if (const auto at = one->find(name); at != one->end()) return &*at;
  }
  return nullptr;
}

/// Whether the model that the settings describe does not look at one of them. `at` gives a setting's value.
template <typename At>
bool means_nothing(const std::string& name, const At& at) {
  const bool latent = at("multi_latent_attention") == true;
  if (name == "kv_channels") return latent;
  if (name == "mscale_all_dim" || name == "rope_type") return latent && at("rotary_scaling_factor") == 1.0;
  if (name == "num_query_groups") return at("group_query_attention") == false;
  if (name == "moe_router_pre_softmax") return at("moe_router_score_function") == "sigmoid";
  if (name == "add_qkv_bias") return at("add_bias_linear") == true;
  return false;
}

/// The last part of a name, as functions move between modules.
std::string last_name(const Json& value) {
  const std::string name = value.get<std::string>();
  return name.substr(name.rfind('.') + 1);
}

/// Whether what mhub writes into run_config.yaml says what Bridge says.
bool same_setting(const std::string& name, const Json& mine, const Json& bridge, const Json& model) {
  if (mine == bridge) return true;
  if (name == "activation_func") return last_name(mine) == last_name(bridge);
  if (name == "_target_")
    return last_name(mine) == "GPTModelProvider";  // the general one, with every field stated
  if (name == "kv_channels" && bridge.is_null())   // Megatron-Core works it out
    return mine == model["hidden_size"].get<int>() / model["num_attention_heads"].get<int>();
  if (name == "yarn_mscale" || name == "yarn_mscale_all_dim")  // the defaults of yarn_rotary_pos_embedding.py
    return bridge.is_null() && mine == (name == "yarn_mscale" ? 1.0 : 0.0);
  if (name == "window_attn_skip_freq" && bridge.is_number_integer()) {  // every n-th layer has none
    std::vector<int> list;
    for (int layer = 1; layer <= model["num_layers"].get<int>(); ++layer)
      list.push_back(layer % bridge.get<int>() == 0 ? 0 : 1);
    return mine == list;
  }
  if (name == "transformer_layer_spec") return mine.value("_target_", "") == bridge.value("_target_", "-");
  return false;
}

/// Whether an argument says what Megatron-LM's does. Layers of several sizes are a text, of which what they
/// mean counts.
bool same_argument(const std::string& name, const Json& mine, const Json& megatron, const Json& args) {
  if (mine == megatron) return true;
  if (name != "heterogeneous_layers_config_encoded_json") return false;
  const auto meaning = [&](const Json& text) {
    Json stated = args;
    stated[name] = text;
    return described(read_description(stated, Dialect::args, "args"));
  };
  Json own = Json::parse(mine.get<std::string>()), theirs = Json::parse(megatron.get<std::string>());
  const bool sizes = meaning(mine) == meaning(megatron);
  own.erase("block_configs");
  theirs.erase("block_configs");
  return sizes && own == theirs;
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

BOOST_AUTO_TEST_CASE(arguments_are_those_of_megatron_lms_parser) {
  const GoldenSettings settings = golden_settings();
  for (const GoldenCase& golden : golden_cases()) {
    const Json args = written(golden).args;
    const auto at = [&](const std::string& name) { return *known(golden.args, settings.parser, name); };
    for (const auto& [name, value] : args.items()) {
      if (name.starts_with("hf_") || kJobArguments.contains(name) || kRedundantArguments.contains(name) ||
          means_nothing(name, at))
        continue;
      const Json* wanted = known(golden.args, settings.parser, name);
      if (wanted == nullptr) {
        BOOST_CHECK_MESSAGE(kOtherArguments.contains(name),
                            golden.name << ": args." << name << ": the parser has no such name");
      } else {
        BOOST_CHECK_MESSAGE(
            same_argument(name, value, *wanted, args),
            golden.name << ": args." << name << ": " << value.dump() << ", Megatron-LM " << wanted->dump());
      }
    }
    for (const std::string& name : golden.stated)
      BOOST_CHECK_MESSAGE(args.contains(name), golden.name << ": args." << name << ": not written");
    // The older names say the same as the newer ones.
    BOOST_CHECK_MESSAGE(args["norm_epsilon"] == at("layernorm_epsilon"),
                        golden.name << ": args.norm_epsilon");
    BOOST_CHECK_MESSAGE(args["apply_layernorm_1p"] == at("layernorm_zero_centered_gamma"),
                        golden.name << ": args.apply_layernorm_1p");
  }
}

BOOST_AUTO_TEST_CASE(flags_are_those_that_a_checkpoint_does_not_restore) {
  for (const GoldenCase& golden : golden_cases()) {
    const std::vector<std::string> flags = written(golden).flags;
    for (const std::string& flag : golden.needed_flags) {
      if (kOtherFlags.contains(flag.substr(0, flag.find(' ')))) continue;
      BOOST_CHECK_MESSAGE(contains(flags, flag), golden.name << ": needs " << flag << ", which is not said");
    }
    for (const std::string& flag : flags)
      // The jobs of tests/golden/ranks_facts.py all leave fusions out, as they run without a GPU.
      BOOST_CHECK_MESSAGE(flag.ends_with("-fusion") || contains(golden.needed_flags, flag) ||
                              contains(golden.restored_flags, flag),
                          golden.name << ": says " << flag << ", which is not this model's");
  }
}

BOOST_AUTO_TEST_CASE(run_config_is_that_of_bridges_provider) {
  const GoldenSettings settings = golden_settings();
  std::size_t compared = 0;
  for (const GoldenCase& golden : golden_cases()) {
    if (golden.run_config.is_null()) continue;
    ++compared;
    const Json model = written(golden).run_config;
    const auto at = [&](const std::string& name) {
      const Json* value = known(golden.run_config, settings.provider, name);
      return value == nullptr ? Json() : *value;
    };
    for (const auto& [name, value] : model.items()) {
      if (kJobSettings.contains(name) || means_nothing(name, at)) continue;
      const Json* wanted = known(golden.run_config, settings.provider, name);
      BOOST_CHECK_MESSAGE(wanted != nullptr && same_setting(name, value, *wanted, model),
                          golden.name << ": run_config " << name << ": " << value.dump() << ", Bridge "
                                      << (wanted == nullptr ? "has it not" : wanted->dump()));
    }
    for (const auto& [name, value] : golden.run_config.items())
      BOOST_CHECK_MESSAGE(kJobSettings.contains(name) || model.contains(name),
                          golden.name << ": run_config " << name << ": not written, Bridge " << value.dump());
  }
  BOOST_TEST(compared >= 6U);
}

BOOST_AUTO_TEST_SUITE_END()
