// SPDX-License-Identifier: Apache-2.0
// What verify compares beside the tensors of the two models: copies and repeats that they store, and whether
// they are the same model at all.
#include "mhub/convert/verify.hpp"

#include <fstream>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "convert/any_model.hpp"
#include "mhub/base/error.hpp"
#include "mhub/convert/convert.hpp"

BOOST_AUTO_TEST_SUITE(verifying)

using namespace mhub;
using namespace mhub::tests;

namespace {

nlohmann::json tied(const TinyLlama& llama) {
  nlohmann::json config = llama.config;
  config["tie_word_embeddings"] = true;
  return config;
}

/// Turns over a bit of the first element of a stored tensor.
void damage(const std::string& path, const std::string& name) {
  const Checkpoint checkpoint = open_checkpoint(path);
  const StoredTensor* tensor = checkpoint.tensors.find(name);
  BOOST_REQUIRE_MESSAGE(tensor != nullptr, path << " has no " << name);
  const StoredChunk& chunk = tensor->chunks.front();
  std::fstream file(chunk.bytes->name(), std::ios::in | std::ios::out | std::ios::binary);
  const auto at = static_cast<std::streamoff>(chunk.byte_offset);
  file.seekg(at);
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(at);
  file.put(byte);
}

std::vector<std::string> different(const std::string& left, const std::string& right) {
  std::vector<std::string> names;
  for (const Difference& difference : verify(left, right).differences) names.push_back(difference.tensor);
  return names;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_copy_on_the_last_stage_is_compared) {
  const TemporaryFolder folder;
  any_model(tied(TinyLlama())).write(folder.file("hf"));
  convert(folder.file("hf"), folder.file("torch"), {.format = "torch", .pp = 2});
  BOOST_TEST(different(folder.file("hf"), folder.file("torch")).empty());
  damage(folder.file("torch"), "mp_rank_00_001/output_layer.weight");
  BOOST_TEST(different(folder.file("hf"), folder.file("torch")).size() == 1u);
  BOOST_TEST(different(folder.file("torch"), folder.file("hf")).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_repeated_tensor_is_compared) {
  const TemporaryFolder folder;
  TinyLlama model = any_model(tied(TinyLlama()));
  const std::size_t begin = model.header["model.embed_tokens.weight"]["data_offsets"][0].get<std::size_t>();
  model.add("lm_head.weight", {13, 8});
  const std::size_t repeat = model.header["lm_head.weight"]["data_offsets"][0].get<std::size_t>();
  model.payload.replace(repeat, 13 * 8 * 4, model.payload.substr(begin, 13 * 8 * 4));
  model.write(folder.file("same"));
  BOOST_TEST(different(folder.file("same"), folder.file("same")).empty());
  model.payload[repeat] = static_cast<char>(model.payload[repeat] ^ 1);
  model.write(folder.file("other"));
  const std::vector<std::string> names = different(folder.file("same"), folder.file("other"));
  BOOST_REQUIRE(names.size() == 1u);
  BOOST_TEST(names[0] == "lm_head.weight");
}

BOOST_AUTO_TEST_CASE(other_shapes_are_another_model) {
  const TemporaryFolder folder;
  TinyLlama wide;
  wide.config["intermediate_size"] = 16;
  TinyLlama().write(folder.file("a"));
  any_model(wide.config).write(folder.file("b"));
  const VerifyReport report = verify(folder.file("a"), folder.file("b"));
  BOOST_TEST(!report.equal());
  BOOST_TEST(report.tensors == 0u);
  BOOST_TEST(!report.fields.empty());
  BOOST_REQUIRE(!report.unmatched.empty());
  const UnmatchedTensor& first = report.unmatched.front();
  BOOST_TEST(first.name == "decoder.layers.0.mlp.linear_fc1.weight");
  BOOST_TEST(to_string(first.left.value()) == "[24, 8]");
  BOOST_TEST(to_string(first.right.value()) == "[32, 8]");
}

BOOST_AUTO_TEST_CASE(tensors_that_one_side_lacks_are_named) {
  const TemporaryFolder folder;
  nlohmann::json deeper = TinyLlama().config;
  deeper["num_hidden_layers"] = deeper["num_hidden_layers"].get<int>() + 1;
  TinyLlama().write(folder.file("a"));
  any_model(deeper).write(folder.file("b"));
  for (const bool swapped : {false, true}) {
    const VerifyReport report =
        verify(folder.file(swapped ? "b" : "a"), folder.file(swapped ? "a" : "b"), {.tensors_only = true});
    BOOST_TEST(!report.equal());
    BOOST_REQUIRE(!report.unmatched.empty());
    for (const UnmatchedTensor& one : report.unmatched) {
      BOOST_TEST(one.left.has_value() == swapped);
      BOOST_TEST(one.right.has_value() != swapped);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
