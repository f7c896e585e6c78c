// SPDX-License-Identifier: Apache-2.0
// Damaged and hostile inputs: each gives exit code 3, one line that names the trouble, and no output folder.
#include <algorithm>
#include <functional>

#include <boost/test/unit_test.hpp>

#include "cli/run_mhub.hpp"
#include "cli/tiny_llama.hpp"

BOOST_AUTO_TEST_SUITE(damaged_tests)

namespace fs = std::filesystem;
using namespace mhub::tests;

namespace {

void check_refused(const Run& run, const std::string& expected, const std::string& what) {
  BOOST_TEST(run.code == 3, what << ": exit code " << run.code << ", stderr: " << run.err);
  BOOST_TEST(std::count(run.err.begin(), run.err.end(), '\n') == 1,
             what << ": more than one line: " << run.err);
  BOOST_TEST(run.err.find(expected) != std::string::npos,
             what << ": expected \"" << expected << "\" in: " << run.err);
}

/// Converts a spoiled folder and checks the refusal; nothing may be left beside it.
void check_source(const std::string& what, const std::string& expected,
                  const std::function<void(TinyLlama&)>& spoil,
                  const std::function<void(const fs::path&)>& spoil_files = {}) {
  const Scratch scratch;
  TinyLlama model;
  if (spoil) spoil(model);
  model.write(scratch / "hf");
  if (spoil_files) spoil_files(scratch / "hf");
  check_refused(run_mhub("convert " + (scratch / "hf") + " " + (scratch / "out")), expected, what);
  BOOST_TEST(std::distance(fs::directory_iterator(fs::path(scratch.path())), fs::directory_iterator()) == 1,
             what << ": something was left");
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_undamaged_model_converts) {
  const Scratch scratch;
  TinyLlama().write(scratch / "hf");
  const Run run = run_mhub("convert " + (scratch / "hf") + " " + (scratch / "out") + " --tp 2 --verify");
  BOOST_TEST(run.code == 0, run.err);
  BOOST_TEST(run_mhub("verify " + (scratch / "hf") + " " + (scratch / "out")).code == 0);
}

BOOST_AUTO_TEST_CASE(damaged_safetensors) {
  check_source("truncated payload", "truncated",
               [](TinyLlama& m) { m.payload.resize(m.payload.size() - 5); });
  check_source("bytes behind the end", "bytes of data", [](TinyLlama& m) { m.payload += "xx"; });
  check_source("overlap", "must follow each other", [](TinyLlama& m) {
    m.header["model.norm.weight"]["data_offsets"] = {0, 32};
  });
  check_source("out of range", "must follow each other", [](TinyLlama& m) {
    m.header["lm_head.weight"]["data_offsets"] = {1ULL << 40, (1ULL << 40) + 416};
  });
  check_source("wrong dtype string", "unsupported dtype \"F33\"",
               [](TinyLlama& m) { m.header["lm_head.weight"]["dtype"] = "F33"; });
  check_source("shape and offsets disagree", "do not hold shape",
               [](TinyLlama& m) { m.header["model.norm.weight"]["shape"] = {9}; });
  check_source("overflowing shape", "impossible shape", [](TinyLlama& m) {
    m.header["model.norm.weight"]["shape"] = {1ULL << 40, 1ULL << 40};
  });
  check_source("negative size", "unexpected value",
               [](TinyLlama& m) { m.header["model.norm.weight"]["shape"] = {-8}; });
  check_source("duplicate name", "is there twice", {}, [](const fs::path& hf) {
    std::string file = TinyLlama::read_text(hf / "model.safetensors");
    const std::size_t at = file.find("\"lm_head.weight\"");
    const std::string payload =
        file.substr(8 + static_cast<unsigned char>(file[0]) + 256UL * static_cast<unsigned char>(file[1]));
    std::string json = file.substr(8, file.size() - 8 - payload.size());
    json.replace(at - 8, 16, "\"model.norm.weight\"");
    TinyLlama::write_text(hf / "model.safetensors", TinyLlama::with_length(json, json.size()) + payload);
  });
  check_source("header of 2^60 bytes", "header claims 1152921504606846976", {}, [](const fs::path& hf) {
    TinyLlama::write_text(hf / "model.safetensors", TinyLlama::with_length("{}", 1ULL << 60));
  });
  check_source("empty file", "not a safetensors file", {},
               [](const fs::path& hf) { TinyLlama::write_text(hf / "model.safetensors", ""); });
  check_source("header is not JSON", "not valid JSON", {}, [](const fs::path& hf) {
    TinyLlama::write_text(hf / "model.safetensors", TinyLlama::with_length("{\"a\": nonsense}", 15));
  });
  check_source("deep JSON", "unexpected value", {}, [](const fs::path& hf) {
    const std::string deep = "{\"a\":" + std::string(1 << 20, '[');
    TinyLlama::write_text(hf / "model.safetensors", TinyLlama::with_length(deep, deep.size()));
  });
}

BOOST_AUTO_TEST_CASE(every_truncation_of_a_file_is_refused) {
  const Scratch scratch;
  TinyLlama model;
  model.write(scratch / "hf");
  const std::string whole = model.safetensors();
  for (std::size_t length = 0; length < whole.size(); length += 97) {
    TinyLlama::write_text(scratch / "hf/model.safetensors", whole.substr(0, length));
    const Run run = run_mhub("inspect " + (scratch / "hf"));
    BOOST_TEST(run.code == 3, "length " << length << ": " << run.err);
  }
}

BOOST_AUTO_TEST_CASE(config_disagrees_with_weights) {
  auto with = [](const char* key, nlohmann::json value) {
    return [=](TinyLlama& m) { m.config[key] = value; };
  };
  check_source("too many layers", "model.layers.2.", with("num_hidden_layers", 3));
  check_source("too few layers", "model.layers.1.", with("num_hidden_layers", 1));
  check_source("other key/value heads", "self_attn.k_proj.weight has shape [4, 8], expected [8, 8]",
               with("num_key_value_heads", 4));
  check_source("heads off by one", "num_key_value_heads: expected a divisor", with("num_key_value_heads", 3));
  check_source("other vocabulary", "model.embed_tokens.weight has shape [13, 8], expected [14, 8]",
               with("vocab_size", 14));
  check_source("a string for a number", "hidden_size: expected an integer, found \"8\"",
               with("hidden_size", "8"));
  check_source("zero heads", "num_attention_heads: expected a size from 1", with("num_attention_heads", 0));
  check_source("huge layers", "num_hidden_layers: expected an integer of at most 2^28",
               with("num_hidden_layers", 1LL << 40));
  check_source("unknown architecture", "no plugin for NoSuchModel", with("architectures", {"NoSuchModel"}));
  check_source("unknown rope", "unsupported: \"spiral\"",
               with("rope_scaling", {{"rope_type", "spiral"}, {"factor", 2}}));
  check_source("biases that Megatron cannot hold", "attention_bias", with("attention_bias", true));
  check_source("tied but different head", "differs from model.embed_tokens.weight",
               with("tie_word_embeddings", true));
  check_source("unknown tensor", "model.layers.0.self_attn.extra.weight",
               [](TinyLlama& m) { m.add("model.layers.0.self_attn.extra.weight", {3}); });
  check_source("missing tensor", "model.norm.weight [8] missing", [](TinyLlama& m) {
    m.header.erase("model.norm.weight");
    m.header["filler"] = {
        {"dtype", "F32"}, {"shape", {8}}, {"data_offsets", m.header["lm_head.weight"]["data_offsets"]}};
    const std::size_t end = m.header["lm_head.weight"]["data_offsets"][0];
    m.header["filler"]["data_offsets"] = {end - 32, end};
    m.header.erase("filler");
    m.payload.erase(end - 32, 32);
    m.header["lm_head.weight"]["data_offsets"] = {end - 32, m.payload.size()};
  });
  check_source("config is not JSON", "not valid JSON", {},
               [](const fs::path& hf) { TinyLlama::write_text(hf / "config.json", "{"); });
  check_source("config is a list", "expected a JSON object", {},
               [](const fs::path& hf) { TinyLlama::write_text(hf / "config.json", "[]"); });
  check_source("config says a thing twice", "there twice", {}, [](const fs::path& hf) {
    TinyLlama::write_text(hf / "config.json", "{\"hidden_size\": 8, \"hidden_size\": 16}");
  });
  check_source("no weights", "no weights", {},
               [](const fs::path& hf) { fs::remove(hf / "model.safetensors"); });
}

BOOST_AUTO_TEST_CASE(shards) {
  auto shard = [](const std::string& index, bool keep) {
    return [=](const fs::path& hf) {
      if (keep) fs::copy(hf / "model.safetensors", hf / "a.safetensors");
      fs::remove(hf / "model.safetensors");
      TinyLlama::write_text(hf / "model.safetensors.index.json", index);
    };
  };
  check_source("missing shard", "a.safetensors: missing", {},
               shard(R"({"weight_map": {"lm_head.weight": "a.safetensors"}})", false));
  check_source("unlisted tensor", "is not listed", {},
               shard(R"({"weight_map": {"lm_head.weight": "a.safetensors"}})", true));
  check_source("path leaves the folder", "expected a file name", {},
               shard(R"({"weight_map": {"lm_head.weight": "../a.safetensors"}})", true));
  check_source("no weight_map", "weight_map", {}, shard("{}", true));
}

BOOST_AUTO_TEST_CASE(hostile_pickles) {
  // A pytorch_model.bin is a zip; these files are what an attacker would put there.
  auto bin = [](const std::string& content) {
    return [=](const fs::path& hf) {
      fs::remove(hf / "model.safetensors");
      TinyLlama::write_text(hf / "pytorch_model.bin", content);
    };
  };
  check_source("plain pickle", "not a readable torch.save archive", {}, bin("cposix\nsystem\n(S'true'\ntR."));
  check_source("empty .bin", "not a readable torch.save archive", {}, bin(""));
  check_source("zip without a pickle", "not a readable torch.save archive", {},
               bin(std::string("PK\x05\x06", 4) + std::string(18, '\xff')));
}

BOOST_AUTO_TEST_CASE(damaged_megatron_folders) {
  const Scratch scratch;
  TinyLlama().write(scratch / "hf");
  for (const std::string format : {"torch_dist", "torch"}) {
    const std::string out = scratch / format;
    BOOST_REQUIRE_EQUAL(run_mhub("convert " + (scratch / "hf") + " " + out + " --tp 2 --to " + format).code,
                        0);
    const std::string data =
        out + (format == "torch" ? "/release/mp_rank_01/model_optim_rng.pt" : "/release/__1_0.distcp");
    const std::string whole = TinyLlama::read_text(data);
    const std::string verify = "verify " + (scratch / "hf") + " " + out;
    for (std::size_t length = 0; length < whole.size(); length += whole.size() / 23) {
      TinyLlama::write_text(data, whole.substr(0, length));
      const Run run = run_mhub(verify);
      BOOST_TEST(run.code == 3, format << " truncated to " << length << ": " << run.code << ' ' << run.err);
    }
    // A flipped byte is either refused or found; it never passes and never crashes.
    for (std::size_t at = 3; at < whole.size(); at += whole.size() / 101) {
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ 0x11);
      TinyLlama::write_text(data, flipped);
      const Run run = run_mhub(verify);
      BOOST_TEST((run.code == 0 || run.code == 1 || run.code == 3),
                 format << " byte " << at << ": " << run.code << ' ' << run.err);
    }
    fs::remove(data);
    check_refused(run_mhub(verify), "missing", format + " without a rank");
  }
}

BOOST_AUTO_TEST_CASE(a_flipped_weight_is_found_and_named) {
  const Scratch scratch;
  TinyLlama model;
  model.write(scratch / "hf");
  BOOST_REQUIRE_EQUAL(
      run_mhub("convert " + (scratch / "hf") + " " + (scratch / "out") + " --to torch --tp 2 --pp 2").code,
      0);
  const std::size_t at = model.header["model.layers.1.mlp.up_proj.weight"]["data_offsets"][0];
  model.payload[at + 9] = static_cast<char>(model.payload[at + 9] ^ 1);
  model.write(scratch / "hf");
  const Run run = run_mhub("verify " + (scratch / "hf") + " " + (scratch / "out"));
  BOOST_TEST(run.code == 1);
  BOOST_TEST(run.out.find("decoder.layers.1.mlp.linear_fc1.weight: 1 elements") != std::string::npos,
             run.out);
}

BOOST_AUTO_TEST_CASE(usage_errors) {
  const Scratch scratch;
  TinyLlama().write(scratch / "hf");
  const std::string convert = "convert " + (scratch / "hf") + " " + (scratch / "out") + " ";
  for (const std::string& arguments :
       std::vector<std::string>{"nonsense", "convert", "convert a", convert + "--tp x", convert + "--tp 0",
                                convert + "--dtype int4", convert + "--to parquet", convert + "--unknown 1",
                                convert + "--iteration 0"}) {
    const Run run = run_mhub(arguments);
    BOOST_TEST(run.code == 2, arguments << ": " << run.code << ' ' << run.err);
    BOOST_TEST(std::count(run.err.begin(), run.err.end(), '\n') == 1, arguments << ": " << run.err);
  }
  BOOST_TEST(run_mhub("convert " + (scratch / "nowhere") + " " + (scratch / "out")).code == 4);
  check_refused(run_mhub(convert + "--tp 3"), "query heads in", "too many ranks for the query groups");
  check_refused(run_mhub(convert + "--pp 3"), "3 equal pipeline stages", "stages that do not divide");
  BOOST_TEST(run_mhub(convert).code == 0);
  BOOST_TEST(run_mhub(convert).code == 2);
  BOOST_TEST(run_mhub(convert + "--overwrite").code == 0);
  fs::remove(scratch / "out/mhub_manifest.json");
  const Run foreign = run_mhub(convert + "--overwrite");
  BOOST_TEST(foreign.code == 2, "a folder that mhub did not write must stay");
}

BOOST_AUTO_TEST_CASE(a_full_disk_leaves_nothing) {
  const Scratch scratch;
  TinyLlama().write(scratch / "hf");
  // The shell's file size limit stands for a full disk; SIGXFSZ is ignored so that the write itself fails.
  const Run run = run_mhub("--version >/dev/null; trap '' XFSZ; ulimit -f 1; " MHUB_BINARY " convert " +
                           (scratch / "hf") + " " + (scratch / "out"));
  BOOST_TEST(run.code == 4, run.err);
  BOOST_TEST(!fs::exists(scratch / "out"));
}

BOOST_AUTO_TEST_SUITE_END()
