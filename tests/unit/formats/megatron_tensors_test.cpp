// SPDX-License-Identifier: Apache-2.0
// The tensors of a Megatron checkpoint against those that its model has.
#include <filesystem>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "convert/any_model.hpp"
#include "mhub/base/error.hpp"
#include "mhub/convert/convert.hpp"

BOOST_AUTO_TEST_SUITE(megatron_tensors)

using namespace mhub;
using namespace mhub::tests;

namespace {

/// A checkpoint that says that it is a TinyLlama, with the tensors of the given config's model.
std::string claiming_to_be_llama(const TemporaryFolder& folder, const nlohmann::json& config) {
  TinyLlama().write(folder.file("llama"));
  any_model(config).write(folder.file("other"));
  convert(folder.file("llama"), folder.file("megatron"), {.format = "torch_dist"});
  convert(folder.file("other"), folder.file("tensors"), {.format = "torch_dist"});
  const std::string inside = open_checkpoint(folder.file("tensors")).directory;
  const std::string there = open_checkpoint(folder.file("megatron")).directory;
  for (const auto& entry : std::filesystem::directory_iterator(inside)) {
    const std::string name = entry.path().filename().string();
    if (name == ".metadata" || name.ends_with(".distcp"))
      std::filesystem::copy_file(entry.path(), there + "/" + name,
                                 std::filesystem::copy_options::overwrite_existing);
  }
  return folder.file("megatron");
}

nlohmann::json deepseek() {
  return {{"architectures", {"DeepseekV3ForCausalLM"}},
          {"model_type", "deepseek_v3"},
          {"vocab_size", 13},
          {"hidden_size", 8},
          {"intermediate_size", 12},
          {"moe_intermediate_size", 4},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 2},
          {"num_key_value_heads", 2},
          {"n_routed_experts", 4},
          {"n_shared_experts", 1},
          {"num_experts_per_tok", 2},
          {"n_group", 1},
          {"topk_group", 1},
          {"first_k_dense_replace", 0},
          {"q_lora_rank", 4},
          {"kv_lora_rank", 4},
          {"qk_nope_head_dim", 4},
          {"qk_rope_head_dim", 2},
          {"v_head_dim", 4},
          {"num_nextn_predict_layers", 0},
          {"tie_word_embeddings", false},
          {"rope_theta", 10000.0},
          {"max_position_embeddings", 32},
          {"routed_scaling_factor", 2.5},
          {"norm_topk_prob", true}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(one_that_the_model_has_not_is_refused) {
  const TemporaryFolder folder;
  nlohmann::json config = TinyLlama().config;
  config["attention_bias"] = true;
  config["mlp_bias"] = true;
  BOOST_CHECK_EXCEPTION(open_checkpoint(claiming_to_be_llama(folder, config)), InputError,
                        message_has("tensor decoder.layers", ".bias", "is not part of this model"));
}

BOOST_AUTO_TEST_CASE(one_of_another_shape_is_refused) {
  const TemporaryFolder folder;
  nlohmann::json config = TinyLlama().config;
  config["intermediate_size"] = 16;
  BOOST_CHECK_EXCEPTION(open_checkpoint(claiming_to_be_llama(folder, config)), InputError,
                        message_has("mlp.linear_fc", "has shape", "expected"));
}

/// Megatron-Bridge's peft/adapter_wrapper.py: "adapter" beside "to_wrap" in every wrapped layer.
BOOST_AUTO_TEST_CASE(adapters_are_named) {
  const TemporaryFolder folder;
  TinyLlama().write(folder.file("llama"));
  convert(folder.file("llama"), folder.file("megatron"), {.format = "torch_dist"});
  const std::string inside = open_checkpoint(folder.file("megatron")).directory;
  // The metadata of a checkpoint in which one tensor has such a name of the same length.
  const std::string name = "mlp.linear_fc2.weight", adapter = "mlp.adapter.l1.weight";
  for (const auto& entry : std::filesystem::directory_iterator(inside)) {
    const std::string file = entry.path().filename().string();
    if (file != ".metadata" && !file.ends_with(".distcp")) continue;
    std::string bytes = TinyLlama::read_text(entry.path());
    for (std::size_t at = 0; (at = bytes.find(name, at)) != std::string::npos; at += name.size())
      bytes.replace(at, name.size(), adapter);
    TinyLlama::write_text(entry.path(), bytes);
  }
  BOOST_CHECK_EXCEPTION(open_checkpoint(folder.file("megatron")), InputError,
                        message_has("mlp.adapter.l1.weight", "adapter (LoRA)", "merge the two"));
}

/// transformer_block.py, sharded_state_dict: where moe_layer_freq is a list, layers have keys of their own
/// (non_homogeneous_layers), also where the list says the same of each.
BOOST_AUTO_TEST_CASE(layers_of_a_listed_model_are_not_stacked) {
  const TemporaryFolder folder;
  any_model(deepseek()).write(folder.file("hf"));
  convert(folder.file("hf"), folder.file("megatron"), {.format = "torch_dist"});
  const Checkpoint written = open_checkpoint(folder.file("megatron"));
  BOOST_TEST(written.tensors.find("decoder.layers.1.self_attention.linear_proj.weight") != nullptr);
  BOOST_TEST(written.tensors.find("decoder.layers.self_attention.linear_proj.weight") == nullptr);
}

/// Every save of transformers: the config announces a prediction block, the files have none.
BOOST_AUTO_TEST_CASE(prediction_blocks_that_are_not_there_are_left_out_with_a_note) {
  const TemporaryFolder folder;
  nlohmann::json config = deepseek();
  any_model(config).write(folder.file("without"));
  config["num_nextn_predict_layers"] = 1;
  any_model(config).write(folder.file("with"));
  TinyLlama announced = any_model(deepseek());
  announced.config = config;
  announced.write(folder.file("announced"));
  const auto notes = [&](const std::string& name) {
    return convert(folder.file(name), folder.file(name + "_megatron"), {.format = "torch_dist"})["notes"]
        .dump();
  };
  BOOST_TEST(notes("announced").find("num_nextn_predict_layers is 1, and the files hold what 0") !=
             std::string::npos);
  BOOST_TEST(notes("with").find("num_nextn") == std::string::npos);
  const auto has_block = [&](const std::string& name) {
    const Checkpoint written = open_checkpoint(folder.file(name + "_megatron"));
    return written.transformer->mtp_num_layers == 1;
  };
  BOOST_TEST(!has_block("announced"));
  BOOST_TEST(has_block("with"));
}

BOOST_AUTO_TEST_CASE(names_that_a_layer_spec_does_not_have_are_said) {
  const TemporaryFolder folder;
  nlohmann::json config = TinyLlama().config;
  config["architectures"] = {"GraniteForCausalLM"};
  config["model_type"] = "granite";
  config["residual_multiplier"] = 0.22;
  any_model(config).write(folder.file("hf"));
  const auto said = [&](const WriteOptions& options) {
    const nlohmann::json report =
        convert(folder.file("hf"), folder.file(options.format), options, {.overwrite = true});
    return report["limits"].dump().find("--transformer-impl local") != std::string::npos;
  };
  BOOST_TEST(said({.format = "torch"}));
  BOOST_TEST(!said({.format = "torch", .impl = TransformerImpl::local}));
  BOOST_TEST(!said({.format = "torch_dist"}));
}

BOOST_AUTO_TEST_SUITE_END()
