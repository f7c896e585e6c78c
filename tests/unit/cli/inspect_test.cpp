// SPDX-License-Identifier: Apache-2.0
// What `mhub inspect` prints, from headers alone: the payload of the GPT-2 here is a hole in a sparse file.
#include <boost/test/unit_test.hpp>

#include "cli/run_mhub.hpp"
#include "cli/tiny_llama.hpp"

BOOST_AUTO_TEST_SUITE(inspect_tests)

namespace fs = std::filesystem;
using namespace mhub::tests;

namespace {

/// GPT-2 small as the hub has it: no "transformer." prefix, mask buffers, no lm_head, keys at their defaults
/// left out.
void write_gpt2(const fs::path& folder) {
  nlohmann::ordered_json header;
  std::uint64_t at = 0;
  auto add = [&](const std::string& name, const std::vector<std::uint64_t>& shape) {
    std::uint64_t bytes = 4;
    for (const std::uint64_t size : shape) bytes *= size;
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {at, at + bytes}}};
    at += bytes;
  };
  add("wte.weight", {50257, 768});
  add("wpe.weight", {1024, 768});
  for (int i = 0; i < 12; ++i) {
    const std::string h = "h." + std::to_string(i) + ".";
    for (const std::string norm : {"ln_1", "ln_2"}) {
      add(h + norm + ".weight", {768});
      add(h + norm + ".bias", {768});
    }
    add(h + "attn.bias", {1, 1, 1024, 1024});
    add(h + "attn.c_attn.weight", {768, 2304});
    add(h + "attn.c_attn.bias", {2304});
    add(h + "attn.c_proj.weight", {768, 768});
    add(h + "attn.c_proj.bias", {768});
    add(h + "mlp.c_fc.weight", {768, 3072});
    add(h + "mlp.c_fc.bias", {3072});
    add(h + "mlp.c_proj.weight", {3072, 768});
    add(h + "mlp.c_proj.bias", {768});
  }
  add("ln_f.weight", {768});
  add("ln_f.bias", {768});
  fs::create_directories(folder);
  const std::string json = header.dump();
  TinyLlama::write_text(folder / "model.safetensors", TinyLlama::with_length(json, json.size()));
  fs::resize_file(folder / "model.safetensors", 8 + json.size() + at);
  TinyLlama::write_text(folder / "config.json",
                        R"({"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_layer": 12})");
  TinyLlama::write_text(folder / "generation_config.json", "{}");
  nlohmann::json vocabulary = nlohmann::json::object();
  for (int k = 0; k < 50257; ++k) vocabulary["t\"{[:" + std::to_string(k)] = k;
  TinyLlama::write_text(folder / "tokenizer.json",
                        nlohmann::json{{"added_tokens", {{{"content", "x"}}}},
                                       {"model", {{"merges", {"a b"}}, {"vocab", vocabulary}}}}
                            .dump());
  TinyLlama::write_text(folder / "tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer"})");
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_printed_model) {
  const Scratch scratch;
  write_gpt2(scratch / "gpt2");
  const Run run = run_mhub("inspect " + (scratch / "gpt2"));
  BOOST_TEST(run.code == 0, run.err);
  BOOST_TEST(run.out ==
             "PreTrainedCausalLM(\n"
             "  (model): GPT2LMHeadModel [layers=12, hidden_size=768]\n"
             "  (tokenizer): GPT2TokenizerFast [vocab_size=50257]\n"
             "  (config): GPT2Config [model_type=gpt2]\n"
             "  (generation_config): GenerationConfig [loaded]\n"
             "  (parameters): 124,439,808\n"
             "  (device): cpu\n"
             "  (dtype): float32\n"
             ")\n");
  const auto json = nlohmann::json::parse(run_mhub("inspect --json " + (scratch / "gpt2")).out);
  BOOST_TEST(json["parameters"] == 124439808);
  BOOST_TEST(json["tokenizer"]["vocab_size"] == 50257);
}

BOOST_AUTO_TEST_CASE(tensor_lists) {
  const Scratch scratch;
  TinyLlama().write(scratch / "hf");
  const auto list = nlohmann::json::parse(
      run_mhub("inspect " + (scratch / "hf") + " --tensors '*.self_attn.*.weight' --json").out)["tensors"];
  BOOST_REQUIRE_EQUAL(list.size(), 8U);
  BOOST_TEST(list[0]["name"] == "model.layers.0.self_attn.k_proj.weight");
  BOOST_TEST((list[0]["shape"] == nlohmann::json{4, 8}));
  BOOST_TEST(list[0]["bytes"] == 128);
  BOOST_TEST(list[0]["dtype"] == "float32");
  BOOST_TEST(list[0]["file"] == "model.safetensors");
  BOOST_TEST(
      nlohmann::json::parse(
          run_mhub("inspect " + (scratch / "hf") + " --regex 'layers\\.[01]\\.mlp' --json").out)["tensors"]
          .size() == 6U);
  BOOST_TEST(run_mhub("inspect " + (scratch / "hf") + " --regex '('").code == 2);
  const auto both = run_mhub("inspect " + (scratch / "hf") + " --regex mlp --tensors '*'");
  BOOST_TEST(both.code == 2);
  BOOST_TEST(both.err.find("give one of them") != std::string::npos, both.err);
}

BOOST_AUTO_TEST_CASE(a_megatron_folder) {
  const Scratch scratch;
  TinyLlama().write(scratch / "hf");
  BOOST_REQUIRE_EQUAL(
      run_mhub("convert " + (scratch / "hf") + " " + (scratch / "out") + " --to torch --tp 2 --dtype bf16")
          .code,
      0);
  const Run run = run_mhub("inspect " + (scratch / "out"));
  BOOST_TEST(run.out.find("LlamaForCausalLM [layers=2, hidden_size=8]") != std::string::npos, run.out);
  BOOST_TEST(run.out.find("(dtype): bfloat16") != std::string::npos, run.out);
  BOOST_TEST(run_mhub("verify " + (scratch / "hf") + " " + (scratch / "out")).code == 1);
  BOOST_TEST(run_mhub("verify --cast " + (scratch / "hf") + " " + (scratch / "out")).code == 0);
  // A converted folder is a source, too: another layout of it equals the first.
  BOOST_TEST(
      run_mhub("convert " + (scratch / "out") + " " + (scratch / "again") + " --to torch_dist --pp 2").code ==
      0);
  BOOST_TEST(run_mhub("verify " + (scratch / "out") + " " + (scratch / "again")).code == 0);
}

BOOST_AUTO_TEST_CASE(a_dry_run_writes_nothing) {
  const Scratch scratch;
  TinyLlama().write(scratch / "hf");
  const Run run =
      run_mhub("convert " + (scratch / "hf") + " " + (scratch / "out") + " --tp 2 --pp 2 --dry-run --json");
  BOOST_TEST(run.code == 0, run.err);
  const auto plan = nlohmann::json::parse(run.out);
  BOOST_TEST(plan["ranks"].size() == 4U);
  BOOST_TEST(!plan.contains("chunks"));
  const Run all = run_mhub("convert " + (scratch / "hf") + " " + (scratch / "out") +
                           " --tp 2 --pp 2 --dry-run --chunks --json");
  std::size_t bytes = 0;
  const auto with_chunks = nlohmann::json::parse(all.out);
  for (const auto& chunk : with_chunks["chunks"]) bytes += chunk["bytes"].get<std::size_t>();
  BOOST_TEST(bytes == plan["total_bytes"].get<std::size_t>());
  BOOST_TEST(run_mhub("convert " + (scratch / "hf") + " " + (scratch / "out") + " --chunks").code == 2);
  BOOST_TEST(!fs::exists(scratch / "out"));
}

BOOST_AUTO_TEST_SUITE_END()
