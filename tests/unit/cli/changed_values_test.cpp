// SPDX-License-Identifier: Apache-2.0
// Norms that Megatron stores minus one: conversion keeps every bit or says which it cannot, and verification
// sees through the change.
#include <cmath>
#include <cstring>

#include <boost/test/unit_test.hpp>

#include "cli/run_mhub.hpp"
#include "cli/tiny_llama.hpp"

BOOST_AUTO_TEST_SUITE(changed_values)

using namespace mhub::tests;
namespace fs = std::filesystem;

namespace {

void require_ok(const Run& run) { BOOST_REQUIRE_MESSAGE(run.code == 0, run.err << run.out); }

const std::string kNorm = "model.layers.0.linear_attn.norm.weight";
const std::string kMegatronNorm = "decoder.layers.0.self_attention.out_norm.weight";

/// A layer of gated delta net (two key heads of 2, two value heads of 3), then one of gated attention.
struct TinyDelta : TinyLlama {
  TinyDelta() {
    header.clear();
    payload.clear();
    config.update({{"architectures", {"Qwen3_5ForCausalLM"}},
                   {"model_type", "qwen3_5_text"},
                   {"head_dim", 2},
                   {"layer_types", {"linear_attention", "full_attention"}},
                   {"linear_key_head_dim", 2},
                   {"linear_value_head_dim", 3},
                   {"linear_num_key_heads", 2},
                   {"linear_num_value_heads", 2}});
    add("model.embed_tokens.weight", {13, 8});
    const std::string linear = "model.layers.0.linear_attn.";
    add(linear + "in_proj_qkv.weight", {14, 8});
    add(linear + "in_proj_z.weight", {6, 8});
    add(linear + "in_proj_b.weight", {2, 8});
    add(linear + "in_proj_a.weight", {2, 8});
    add(linear + "conv1d.weight", {14, 1, 4});
    add(linear + "A_log", {2});
    add(linear + "dt_bias", {2});
    add(kNorm, {3});
    add(linear + "out_proj.weight", {8, 6});
    add_attention("model.layers.1.");
    for (const std::string layer : {"model.layers.0.", "model.layers.1."}) add_mlp(layer);
    add("model.norm.weight", {8});
    add("lm_head.weight", {13, 8});
    set_norm({1.0F, 0.75F, 1.5F});
  }

  void add_attention(const std::string& layer) {
    add(layer + "self_attn.q_proj.weight", {16, 8});
    add(layer + "self_attn.k_proj.weight", {4, 8});
    add(layer + "self_attn.v_proj.weight", {4, 8});
    add(layer + "self_attn.o_proj.weight", {8, 8});
    add(layer + "self_attn.q_norm.weight", {2});
    add(layer + "self_attn.k_norm.weight", {2});
  }
  void add_mlp(const std::string& layer) {
    add(layer + "input_layernorm.weight", {8});
    add(layer + "post_attention_layernorm.weight", {8});
    add(layer + "mlp.gate_proj.weight", {12, 8});
    add(layer + "mlp.up_proj.weight", {12, 8});
    add(layer + "mlp.down_proj.weight", {8, 12});
  }
  void set_norm(const std::vector<float>& values) {
    const std::size_t begin = header[kNorm]["data_offsets"][0];
    std::memcpy(payload.data() + begin, values.data(), values.size() * sizeof(float));
  }
};

nlohmann::json manifest_of(const std::string& folder) {
  return nlohmann::json::parse(TinyLlama::read_text(fs::path(folder) / "mhub_manifest.json"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_bit_comes_back) {
  // The second norm is exact in no type shorter than double precision.
  const std::vector<std::pair<std::vector<float>, std::string>> norms{
      {{1.0F, 0.75F, 1.5F}, "float32"}, {{1.0F, std::nextafter(0.25F, 1.0F), 0.0F}, "float64"}};
  for (const auto& [values, type] : norms) {
    const Scratch scratch;
    TinyDelta model;
    model.set_norm(values);
    model.write(scratch / "hf");
    for (const std::string options : {"", "--tp 2", "--to torch --tp 2 --pp 2", "--to hdf5"}) {
      require_ok(run_mhub("convert " + (scratch / "hf") + " " + (scratch / "m") + " " + options +
                          " --verify --overwrite"));
      require_ok(run_mhub("verify " + (scratch / "hf") + " " + (scratch / "m")));
      require_ok(run_mhub("verify " + (scratch / "m") + " " + (scratch / "hf")));
      const bool folder = fs::is_directory(scratch / "m");
      if (options.empty()) BOOST_TEST(manifest_of(scratch / "m")["tensors"][kMegatronNorm]["dtype"] == type);
      for (const bool manifest : {true, false}) {
        if (folder && !manifest) fs::remove(scratch / "m/mhub_manifest.json");
        require_ok(
            run_mhub("convert " + (scratch / "m") + " " + (scratch / "back") + " --to hf --overwrite"));
        require_ok(run_mhub("verify " + (scratch / "hf") + " " + (scratch / "back")));
      }
      fs::remove_all(scratch / "m");
    }
  }
}

BOOST_AUTO_TEST_CASE(what_would_be_lost_is_refused_unless_a_cast_is_asked_for) {
  const Scratch scratch;
  TinyDelta model;
  model.set_norm({1.0F, -0.0F, 1.0F});
  model.write(scratch / "hf");
  const Run refused = run_mhub("convert " + (scratch / "hf") + " " + (scratch / "m"));
  BOOST_TEST(refused.code == 3);
  BOOST_TEST(refused.err.find(kMegatronNorm + ": element 1 is made of -0 minus 1") != std::string::npos,
             refused.err);
  BOOST_TEST(!fs::exists(scratch / "m"));
  require_ok(run_mhub("convert " + (scratch / "hf") + " " + (scratch / "m") + " --dtype bf16 --verify"));
}

BOOST_AUTO_TEST_CASE(a_difference_shows_through_the_change) {
  const Scratch scratch;
  TinyDelta model;
  model.write(scratch / "a");
  model.set_norm({1.0F, 0.75F, std::nextafter(1.5F, 2.0F)});
  model.write(scratch / "b");
  require_ok(run_mhub("convert " + (scratch / "b") + " " + (scratch / "m") + " --tp 2"));
  const Run run = run_mhub("verify " + (scratch / "a") + " " + (scratch / "m") + " --json");
  BOOST_TEST(run.code == 1);
  const auto report = nlohmann::json::parse(run.out);
  BOOST_REQUIRE(report["differences"].size() == 1U);
  BOOST_TEST(report["differences"][0]["tensor"] == kMegatronNorm);
  BOOST_TEST(report["differences"][0]["first_index"] == 2);
  BOOST_TEST(report["differences"][0]["count"] == 1);
}

BOOST_AUTO_TEST_CASE(a_prediction_block_is_known_by_its_tensors) {
  const Scratch scratch;
  TinyDelta model;
  model.config["mtp_num_hidden_layers"] = 1;  // transformers keeps the key and drops the block
  model.write(scratch / "without");
  require_ok(run_mhub("convert " + (scratch / "without") + " " + (scratch / "m0") + " --verify"));
  model.config.erase("mtp_num_hidden_layers");
  model.add("mtp.fc.weight", {8, 16});
  for (const char* norm :
       {"mtp.pre_fc_norm_embedding.weight", "mtp.pre_fc_norm_hidden.weight", "mtp.norm.weight"})
    model.add(norm, {8});
  model.add_attention("mtp.layers.0.");
  model.add_mlp("mtp.layers.0.");
  model.write(scratch / "with");
  require_ok(run_mhub("convert " + (scratch / "with") + " " + (scratch / "m1") + " --pp 2 --verify"));
  BOOST_TEST(manifest_of(scratch / "m1")["config"]["mtp_num_hidden_layers"] == 1);
  fs::remove(scratch / "m1/mhub_manifest.json");
  require_ok(run_mhub("convert " + (scratch / "m1") + " " + (scratch / "back") + " --to hf"));
  require_ok(run_mhub("verify " + (scratch / "with") + " " + (scratch / "back")));
  // Half a block is no block.
  model.header.erase("mtp.norm.weight");
  model.write(scratch / "half");
  BOOST_TEST(run_mhub("convert " + (scratch / "half") + " " + (scratch / "m2")).code == 3);
}

BOOST_AUTO_TEST_SUITE_END()
