// SPDX-License-Identifier: Apache-2.0
// What a Megatron folder says of itself beside its tensors: its iteration, its source, and whose ranks its
// folders are.
#include <filesystem>
#include <string>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "cli/run_mhub.hpp"
#include "cli/tiny_llama.hpp"

BOOST_AUTO_TEST_SUITE(megatron_folder)

using namespace mhub::tests;
namespace fs = std::filesystem;

namespace {

void require_ok(const Run& run) { BOOST_REQUIRE_MESSAGE(run.code == 0, run.err << run.out); }

/// The tiny Llama with two experts in each layer, as Mixtral publishes them.
TinyLlama tiny_mixtral() {
  TinyLlama model;
  model.config["architectures"] = {"MixtralForCausalLM"};
  model.config["model_type"] = "mixtral";
  model.config["num_local_experts"] = 2;
  model.config["num_experts_per_tok"] = 1;
  for (const char* part : {"gate_proj", "up_proj", "down_proj"}) {
    for (const std::string layer : {"0", "1"})
      model.header.erase("model.layers." + layer + ".mlp." + part + ".weight");
  }
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    model.add(layer + "block_sparse_moe.gate.weight", {2, 8});
    for (const std::string expert : {"0.", "1."}) {
      model.add(layer + "block_sparse_moe.experts." + expert + "w1.weight", {12, 8});
      model.add(layer + "block_sparse_moe.experts." + expert + "w2.weight", {8, 12});
      model.add(layer + "block_sparse_moe.experts." + expert + "w3.weight", {12, 8});
    }
  }
  return model;
}

/// Data regions of tensors that are left out must not stay behind.
void close_gaps(TinyLlama& model) {
  std::string payload;
  for (auto& entry : model.header) {
    const std::size_t begin = entry["data_offsets"][0], end = entry["data_offsets"][1];
    entry["data_offsets"] = {payload.size(), payload.size() + end - begin};
    payload += model.payload.substr(begin, end - begin);
  }
  model.payload = payload;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_iteration_has_seven_digits_and_is_what_the_tracker_names) {
  const Scratch scratch;
  TinyLlama().write(scratch / "hf");
  require_ok(run_mhub("convert " + (scratch / "hf") + " " + (scratch / "numbered") + " --iteration 12"));
  BOOST_TEST(fs::is_directory(scratch / "numbered/iter_0000012"));
  BOOST_TEST(TinyLlama::read_text(scratch / "numbered/latest_checkpointed_iteration.txt") == "12");
  require_ok(run_mhub("convert " + (scratch / "hf") + " " + (scratch / "released")));
  BOOST_TEST(fs::is_directory(scratch / "released/release"));
  BOOST_TEST(TinyLlama::read_text(scratch / "released/latest_checkpointed_iteration.txt") == "release");
}

BOOST_AUTO_TEST_CASE(the_manifest_names_the_revision_and_the_tensors_that_bytes_come_from) {
  const Scratch scratch;
  const std::string revision = "0123456789abcdef0123456789abcdef01234567";
  const std::string cached = scratch / ("models--a--b/snapshots/" + revision);
  TinyLlama().write(cached);
  require_ok(run_mhub("convert " + cached + " " + (scratch / "out") +
                      " --make-vocab-size-divisible-by 16 --transformer-impl te"));
  const auto manifest = nlohmann::json::parse(TinyLlama::read_text(scratch / "out/mhub_manifest.json"));
  BOOST_TEST(manifest.at("source").at("revision") == revision);
  const nlohmann::json& chunk = manifest.at("tensors").at("embedding.word_embeddings.weight").at("chunks")[0];
  BOOST_TEST(chunk.at("from") == nlohmann::json::array({"model.embed_tokens.weight"}));
}

BOOST_AUTO_TEST_CASE(expert_ranks_are_known_by_what_they_hold) {
  const Scratch scratch;
  TinyLlama model = tiny_mixtral();
  close_gaps(model);
  model.write(scratch / "hf");
  const std::string out = scratch / "out";
  require_ok(run_mhub("convert " + (scratch / "hf") + " " + out + " --to torch --ep 2"));
  require_ok(run_mhub("verify " + (scratch / "hf") + " " + out));
  // Without the argument that says how many pipeline stages there are.
  for (const std::string rank : {"mp_rank_00_000", "mp_rank_00_001"}) {
    const std::string path = out + "/release/" + rank + "/model_optim_rng.pt";
    std::string file = TinyLlama::read_text(path);
    const std::string key = "pipeline_model_parallel_size", other = "pipeline_model_parallel_none";
    std::size_t changed = 0;
    for (std::size_t at = file.find(key); at != std::string::npos; at = file.find(key, at), ++changed)
      file.replace(at, key.size(), other);
    BOOST_TEST(changed > 0U);
    TinyLlama::write_text(path, file);
  }
  require_ok(run_mhub("verify " + (scratch / "hf") + " " + out));
}

BOOST_AUTO_TEST_SUITE_END()
