// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <functional>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "cli/tiny_llama.hpp"
#include "formats/npy_format.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/convert/convert.hpp"
#include "mhub/convert/manifest.hpp"
#include "mhub/convert/verify.hpp"
#include "mhub/formats/format.hpp"

BOOST_AUTO_TEST_SUITE(formats_table)

using namespace mhub;
namespace fs = std::filesystem;

namespace {

struct Scratch : tests::TemporaryFolder {
  std::string operator/(const std::string& name) const { return file(name); }
};

/// A file with its folders.
void put(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  replace_file(path.string(), content);
}

void check_named(const std::function<std::string(const Scratch&)>& make, const std::string& part) {
  const Scratch scratch;
  const std::string path = make(scratch);
  BOOST_CHECK_EXCEPTION(open_checkpoint(path), InputError, tests::message_has(path, part));
}

}  // namespace

BOOST_AUTO_TEST_CASE(formats_are_found_by_name) {
  BOOST_TEST(format_names() == "torch_dist, torch, hf, hdf5 or null");
  for (const Format* format : formats()) BOOST_TEST(&format_named(std::string(format->name())) == format);
  BOOST_TEST(formats().front() == &format_named("torch_dist"));
  BOOST_CHECK_EXCEPTION(format_named("gguf"), UsageError,
                        tests::message_has("expected torch_dist, torch, hf, hdf5 or null, found \"gguf\""));
  BOOST_CHECK_THROW(format_named(""), UsageError);
}

BOOST_AUTO_TEST_CASE(what_lies_there_is_found_out) {
  const Scratch scratch;
  tests::TinyLlama().write(scratch / "hf");
  BOOST_TEST(find_format(scratch / "hf") == &format_named("hf"));
  // The root and what is in it; a Hugging Face folder is one whatever else lies in it.
  for (const std::string format : {"torch_dist", "torch"}) {
    convert(scratch / "hf", scratch / format, {.format = format});
    BOOST_TEST(find_format(scratch / format) == &format_named(format));
    BOOST_TEST(find_format(scratch / format + "/release") == &format_named(format));
    put(scratch / format + "/config.json", "{}");
    BOOST_TEST(find_format(scratch / format) == &format_named("hf"));
  }
  convert(scratch / "hf", scratch / "file", {.format = "hdf5"});
  BOOST_TEST(find_format(scratch / "file") == &format_named("hdf5"));
  fs::create_directory(scratch / "empty");
  BOOST_TEST(find_format(scratch / "empty") == nullptr);
  BOOST_CHECK_THROW(open_checkpoint(scratch / "empty"), InputError);
  BOOST_CHECK_THROW(open_checkpoint(scratch / "nothing"), IoError);
}

BOOST_AUTO_TEST_CASE(null_converts_and_keeps_nothing) {
  const Scratch scratch;
  tests::TinyLlama().write(scratch / "hf");
  const nlohmann::json kept = convert(scratch / "hf", scratch / "m", {.tp = 2});
  const nlohmann::json report = convert(scratch / "hf", scratch / "null", {.format = "null", .tp = 2});
  BOOST_TEST(report["bytes"] == kept["bytes"]);
  BOOST_TEST(report["format"] == "null");
  BOOST_TEST(convert(scratch / "hf", "/dev/null", {.format = "null"})["tensors"] == kept["tensors"]);
  BOOST_TEST(std::distance(fs::directory_iterator(scratch / ""), fs::directory_iterator()) == 2);
  for (const RunOptions& run :
       {RunOptions{.overwrite = true}, RunOptions{.resume = true}, RunOptions{.verify = true}})
    BOOST_CHECK_EXCEPTION(convert(scratch / "hf", "/dev/null", {.format = "null"}, run), UsageError,
                          tests::message_has("keeps nothing"));
  BOOST_TEST(fs::is_character_file("/dev/null"));
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_named) {
  auto file = [](const std::string& name, const std::string& content, bool folder) {
    return [=](const Scratch& scratch) {
      put(scratch / ("x/" + name), content);
      return folder ? scratch / "x" : scratch / ("x/" + name);
    };
  };
  check_named(file("m.bin", "GGUF\x03", false), "is a GGUF file");
  check_named(file("m.safetensors", "anything", false), "is a single safetensors file");
  check_named(file("adapter_config.json", "{}", true), "is a PEFT adapter");
  check_named(file(".metadata", "x", true), "fsdp_dtensor or torch_dcp");
  check_named(file("metadata.json", R"({"sharded_backend": "zarr", "sharded_backend_version": 1})", true),
              "zarr");
  check_named(file("nonsense", "GGU", false), "neither a Hugging Face folder");
  check_named(file("__0_0.distcp", "x", false), "one rank's part of a distributed checkpoint");
  check_named(file("config.json", "{}", false), "is a single file; give the folder");
  check_named(file("m.nemo", "x", false), "archive of NeMo");
  check_named(file("model_optim_rng.pt", "x", false), "a single PyTorch file");
  check_named(file("model_index.json", "{}", true), "a pipeline of diffusers");
  check_named(file("consolidated.00.pth", "x", true), "Meta's own format");
  check_named(file("actor/dist_ckpt/.metadata", "x", true), "dist_ckpt with --hf-reference");
  check_named(file("global_step_10/actor/dist_ckpt/.metadata", "x", true), "dist_ckpt with --hf-reference");
  check_named(file("model_world_size_2_rank_0.pt", "x", true), "verl's FSDP workers");
  check_named(file("actor/model_world_size_2_rank_0.pt", "x", true), "verl's FSDP workers");
  check_named(file("global_step_10/actor/model_world_size_2_rank_0.pt", "x", true), "verl's FSDP workers");
  check_named(file("embedding.word_embeddings.weight/.zarray", "{}", true), "zarr");
  check_named(file("checkpoint-100/config.json", "{}", true), "give one of checkpoint-100");
  check_named(file("mp_rank_00_model_states.pt", "x", true), "DeepSpeed");
  check_named(file("zero_pp_rank_0_mp_rank_00_optim_states.pt", "x", true), "DeepSpeed");
}

BOOST_AUTO_TEST_CASE(weights_of_another_kind_beside_a_config_are_named) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"pytorch_model_fsdp_0/.metadata", "accelerate merge-weights"},
      {"global_step10/mp_rank_00_model_states.pt", "DeepSpeed's shards"},
      {"mp_rank_00_model_states.pt", "DeepSpeed's shards"},
      {"model-00001-of-00002.safetensors", "not the index"},
      {"pytorch_model-00001-of-00002.bin", "not the index"},
      {"consolidated.safetensors", "Mistral's own format only"},
      {"model-Q4_K_M.gguf", "as GGUF only"},
      {"onnx/model.onnx", "as ONNX only"},
      {"model.onnx", "as ONNX only"},
      {"flax_model.msgpack", "Flax or TensorFlow"},
      {"tf_model.h5", "Flax or TensorFlow"}};
  for (const auto& [name, sentence] : cases) {
    const Scratch scratch;
    put(scratch / "x/config.json", tests::TinyLlama().config.dump());
    put(scratch / "x/latest", "global_step10");
    put(scratch / ("x/" + name), "x");
    BOOST_CHECK_EXCEPTION(open_checkpoint(scratch / "x"), InputError, tests::message_has(sentence));
    // Beside weights that can be read it is another form of the same model.
    tests::TinyLlama().write(scratch / "x");
    BOOST_TEST(open_checkpoint(scratch / "x").model != nullptr, name);
  }
}

BOOST_AUTO_TEST_CASE(what_another_format_would_know_is_named_first) {
  const Scratch scratch;
  tests::TinyLlama().write(scratch / "x");
  put(scratch / "x/adapter_config.json", "{}");
  BOOST_CHECK_EXCEPTION(open_checkpoint(scratch / "x"), InputError,
                        tests::message_has("PEFT adapter (adapter_config.json) beside its base"));
  put(scratch / "y/config.json", tests::TinyLlama().config.dump());
  put(scratch / "y/pytorch_model_fsdp_0/.metadata", "x");
  BOOST_CHECK_EXCEPTION(open_checkpoint(scratch / "y"), InputError,
                        tests::message_has("accelerate merge-weights"));
  put(scratch / "nemo/context/model.yaml", "");
  put(scratch / "nemo/weights/.metadata", "x");
  BOOST_CHECK_EXCEPTION(open_checkpoint(scratch / "nemo"), InputError,
                        tests::message_has("NeMo 2; give its folder weights"));
}

BOOST_AUTO_TEST_CASE(a_folder_of_the_hubs_cache_is_its_snapshot) {
  const Scratch scratch;
  const std::string root = scratch / "models--org--name";
  tests::TinyLlama().write(root + "/snapshots/0123");
  BOOST_CHECK_EXCEPTION(open_checkpoint(root), InputError, tests::message_has("without refs/main"));
  put(root + "/refs/main", "0123\n");
  BOOST_TEST(open_checkpoint(root).path == root + "/snapshots/0123");
  put(root + "/refs/main", "4567");
  BOOST_CHECK_EXCEPTION(open_checkpoint(root), InputError,
                        tests::message_has("names the snapshot 4567, which is not there"));
  put(root + "/refs/main", "../../..");
  BOOST_CHECK_THROW(open_checkpoint(root), InputError);
}

BOOST_AUTO_TEST_CASE(an_iteration_of_a_root_is_chosen) {
  const Scratch scratch;
  tests::TinyLlama().write(scratch / "hf");
  convert(scratch / "hf", scratch / "m", {.iteration = 5});
  fs::copy(scratch / "m/iter_0000005", scratch / "m/iter_0000010", fs::copy_options::recursive);
  OpenOptions ten;
  ten.iteration = "iter_0000010";
  BOOST_TEST(open_checkpoint(scratch / "m", ten).directory == scratch / "m/iter_0000010");
  BOOST_TEST(open_checkpoint(scratch / "m").directory == scratch / "m/iter_0000005");
  ten.iteration = "release";
  BOOST_CHECK_EXCEPTION(open_checkpoint(scratch / "m", ten), UsageError,
                        tests::message_has("has no release; it has iter_0000005, iter_0000010"));
  put(scratch / "m/latest_checkpointed_iteration.txt", "7");
  BOOST_CHECK_EXCEPTION(open_checkpoint(scratch / "m"), InputError,
                        tests::message_has("has iter_0000005, iter_0000010: give one"));
  fs::remove(scratch / "m/latest_checkpointed_iteration.txt");
  BOOST_CHECK_EXCEPTION(open_checkpoint(scratch / "m"), InputError,
                        tests::message_has("has iter_0000005, iter_0000010, but no"));
}

BOOST_AUTO_TEST_CASE(who_saved_a_checkpoint_is_told) {
  const Scratch scratch;
  tests::TinyLlama().write(scratch / "hf");
  BOOST_TEST(!open_checkpoint(scratch / "hf").origin.has_value());
  convert(scratch / "hf", scratch / "m", {.tp = 2, .iteration = 5});
  const auto origin = [&](const char* name) { return open_checkpoint(scratch / name).origin.value(); };
  const MegatronOrigin one = origin("m");
  BOOST_TEST(one.writer.starts_with("mhub 0"));
  BOOST_TEST(one.iteration == "5");
  BOOST_TEST((one.args && one.run_config && !one.optimizer));
  BOOST_TEST(one.sizes.value().tensor == 2);
  // The manifest speaks of the iteration that mhub wrote, not of one that came later.
  fs::copy(scratch / "m/iter_0000005", scratch / "m/iter_0000010", fs::copy_options::recursive);
  OpenOptions later;
  later.iteration = "iter_0000010";
  BOOST_TEST(open_checkpoint(scratch / "m", later).origin.value().writer == "mhub");
  nlohmann::json manifest = nlohmann::json::parse(read_file(scratch / "m/mhub_manifest.json", 1 << 20));
  manifest["mhub"] = 5;
  fs::remove(scratch / "m/mhub_manifest.json");
  put(scratch / "m/mhub_manifest.json", manifest.dump());
  BOOST_TEST(origin("m").writer == "mhub");
  fs::remove(scratch / "m/mhub_manifest.json");
  BOOST_TEST(origin("m").writer == "mhub");
  // Of files of ranks the files count.
  convert(scratch / "hf", scratch / "ranks", {.format = "torch", .tp = 2});
  put(scratch / "ranks/release/mp_rank_00/distrib_optim.pt", "x");
  const MegatronOrigin ranks = origin("ranks");
  BOOST_TEST(ranks.iteration == "release");
  BOOST_TEST(ranks.optimizer);
  BOOST_TEST(ranks.sizes.value().tensor == 2);
}

BOOST_AUTO_TEST_CASE(what_wrappers_put_in_front_of_all_names_is_taken_off) {
  const Scratch scratch;
  tests::TinyLlama plain, wrapped;
  plain.write(scratch / "plain");
  wrapped.header.clear();
  for (const auto& [name, entry] : plain.header.items()) wrapped.header["actor.module." + name] = entry;
  wrapped.write(scratch / "wrapped");
  const nlohmann::json report = convert(scratch / "wrapped", scratch / "m", {.tp = 2}, {.verify = true});
  BOOST_TEST(report["notes"].dump().find("begin with \\\"actor.module.\\\", which is taken off") !=
             std::string::npos);
  BOOST_TEST(verify(scratch / "plain", scratch / "m").equal());
  wrapped.add("actor.module.extra.weight", {2});
  wrapped.write(scratch / "half");
  BOOST_CHECK_EXCEPTION(open_checkpoint(scratch / "half"), InputError,
                        tests::message_has("extra.weight", "all names begin with \"actor.module.\""));
}

BOOST_AUTO_TEST_CASE(a_tensor_without_elements_is_left_out_with_a_note) {
  const Scratch scratch;
  tests::TinyLlama model;
  model.write(scratch / "plain");
  model.add("model.layers.0.mlp.shared_experts.down_proj.weight", {8, 0});
  model.add("model.layers.0.mlp.shared_experts.up_proj.weight", {0, 8});
  model.write(scratch / "hf");
  const nlohmann::json report = convert(scratch / "hf", scratch / "m", {}, {.verify = true});
  BOOST_TEST(report["notes"].dump().find(
                 "shared_experts.down_proj.weight [8, 0] and 1 more have no elements") != std::string::npos);
  BOOST_TEST(verify(scratch / "plain", scratch / "m").equal());
  convert(scratch / "m", scratch / "back", {.format = "hf"}, {.verify = true});
}

BOOST_AUTO_TEST_CASE(a_tracker_leads_to_an_iteration) {
  const Scratch scratch;
  put(scratch / "x/latest_checkpointed_iteration.txt", "12\n");
  put(scratch / "x/iter_0000012/.metadata", "x");
  BOOST_CHECK_EXCEPTION(open_checkpoint(scratch / "x"), InputError, tests::message_has("fsdp_dtensor"));
  fs::remove_all(scratch / "x/iter_0000012");
  BOOST_CHECK_EXCEPTION(open_checkpoint(scratch / "x"), InputError,
                        tests::message_has("x/iter_0000012: no Megatron checkpoint there"));
  fs::remove(scratch / "x/latest_checkpointed_iteration.txt");
  put(scratch / "x/latest_checkpointed_iteration.txt", "twelve");
  BOOST_CHECK_EXCEPTION(open_checkpoint(scratch / "x"), InputError, tests::message_has("found \"twelve\""));
}

// Last: the format stays.
BOOST_AUTO_TEST_CASE(a_format_of_ones_own) {
  add_format(tests::npy_format());
  BOOST_TEST(format_names() == "torch_dist, torch, hf, hdf5, null or npy");
  const Scratch scratch;
  tests::TinyLlama().write(scratch / "hf");
  convert(scratch / "hf", scratch / "npy", {.format = "npy"}, {.verify = true});
  BOOST_TEST(fs::exists(scratch / "npy/model.norm.weight.npy"));
  BOOST_TEST(find_format(scratch / "npy") == &tests::npy_format());
  BOOST_TEST(check_manifest(open_checkpoint(scratch / "npy")).problems.empty());
  convert(scratch / "npy", scratch / "torch", {.format = "torch", .tp = 2}, {.verify = true});
  convert(scratch / "torch", scratch / "half", {.format = "npy", .dtype = DType::f16}, {.verify = true});
  convert(scratch / "npy", scratch / "back", {.format = "hf"});
  BOOST_TEST(verify(scratch / "hf", scratch / "back").differences.empty());
  BOOST_TEST(verify(scratch / "hf", scratch / "half", {.cast = true}).differences.empty());
  BOOST_TEST(!verify(scratch / "hf", scratch / "half").retyped.empty());
  convert(scratch / "hf", scratch / "npy", {}, {.overwrite = true});
  BOOST_TEST(find_format(scratch / "npy") == formats().front());
}

BOOST_AUTO_TEST_SUITE_END()
