// SPDX-License-Identifier: Apache-2.0
#include "mhub/pretrained/model_state.hpp"

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "cli/run_mhub.hpp"
#include "mhub/base/error.hpp"
#include "runtime/tiny_model.hpp"

BOOST_AUTO_TEST_SUITE(model_state)

using namespace mhub;

namespace {

std::vector<std::string> names(const std::vector<StateEntry>& entries) {
  std::vector<std::string> list;
  for (const StateEntry& entry : entries) list.push_back(entry.name());
  return list;
}

struct Model {
  Model() { tests::TinyModel().write(folder.file("model")); }
  tests::TemporaryFolder folder;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_name_of_any_kind) {
  const Model files;
  const Checkpoint checkpoint = open_checkpoint(files.folder.file("model"));
  const ModelState state(checkpoint);
  BOOST_TEST(state.size() == 15U);
  const auto fused = state["decoder.layers.*.mlp.*.weight"];
  BOOST_TEST_REQUIRE(fused.size() == 4U);
  BOOST_TEST(fused[0].name() == "decoder.layers.0.mlp.linear_fc1.weight");
  BOOST_TEST((fused[0].kind() == NameKind::megatron));
  BOOST_TEST((fused[0].shape() == Shape{24, 8}));
  BOOST_TEST(state.regex("linear_(qkv|proj)\\.weight$").size() == 4U);
  BOOST_CHECK_THROW(state.regex("("), UsageError);

  // The first key row of group 0 lies behind its two queries of two dimensions.
  const std::vector<float> qkv = state.at("decoder.layers.0.self_attention.linear_qkv.weight").floats();
  const StateEntry key = state.at("layer.0.attention.key.weight");
  const StateEntry k_proj = state.at("model.layers.0.self_attn.k_proj.weight");
  BOOST_TEST(qkv.size() == 16U * 8U);
  BOOST_TEST(qkv[4 * 8] == key.floats()[0]);
  BOOST_TEST((key.shape() == Shape{4, 8}));
  BOOST_TEST((key.kind() == NameKind::uniform));
  BOOST_TEST((k_proj.kind() == NameKind::hugging_face));
  BOOST_TEST(key.floats() == k_proj.floats());
}

BOOST_AUTO_TEST_CASE(nothing_is_found_twice) {
  const Model files;
  const Checkpoint checkpoint = open_checkpoint(files.folder.file("model"));
  const ModelState state(checkpoint);
  // Hugging Face's q_proj goes before linear_qkv, which has it in it, and before attention.query.
  const std::vector<std::string> queries{"model.layers.0.self_attn.q_proj.weight"};
  BOOST_TEST(names(state.regex("0.*q\\w*\\.weight$")) == queries);
  const std::vector<std::string> fused{"decoder.layers.0.self_attention.linear_qkv.weight"};
  BOOST_TEST(names(state.glob("*.0.*qkv.weight")) == fused);
  // What an earlier kind did not find, a later one may.
  const std::vector<std::string> both{"model.layers.1.mlp.down_proj.weight",
                                      "layer.1.attention.output.weight"};
  BOOST_TEST(names(state.regex("1\\.(mlp\\.down_proj|attention\\.output)")) == both);
  BOOST_TEST(state.glob("*").size() == state.glob("*", NameKind::hugging_face).size());
  BOOST_TEST(names(state.glob("*.norm.weight", NameKind::uniform)).empty());
}

BOOST_AUTO_TEST_CASE(the_nearest_names_where_there_is_none) {
  const Model files;
  const Checkpoint checkpoint = open_checkpoint(files.folder.file("model"));
  const ModelState state(checkpoint);
  BOOST_CHECK_EXCEPTION(
      state["layer.*.atention.query.weight"], UsageError,
      tests::message_has("layer.*.atention.query.weight", "layer.0.attention.query.weight"));
  BOOST_CHECK_EXCEPTION(state["*.self_atn.q_proj.*"], UsageError,
                        tests::message_has("no tensor is called", "model.layers.0.self_attn.q_proj.weight"));
  BOOST_CHECK_EXCEPTION(state.at("decoder.layers.7.mlp.linear_fc2.weight"), UsageError,
                        tests::message_has("model", "decoder.layers.0.mlp.linear_fc2.weight"));
  BOOST_TEST(state.glob("nothing").empty());
  BOOST_TEST(state.regex("nothing").empty());
}

BOOST_AUTO_TEST_CASE(the_same_from_a_megatron_checkpoint) {
  const Model files;
  const std::string out = files.folder.file("megatron");
  BOOST_REQUIRE_EQUAL(
      tests::run_mhub("convert " + files.folder.file("model") + " " + out + " --to torch --tp 2 --pp 2").code,
      0);
  const Checkpoint checkpoint = open_checkpoint(files.folder.file("model")), converted = open_checkpoint(out);
  const ModelState state(checkpoint), other(converted);
  for (const NameKind kind : {NameKind::hugging_face, NameKind::megatron, NameKind::uniform}) {
    const auto here = state.glob("*", kind), there = other.glob("*", kind);
    BOOST_TEST_REQUIRE(names(here) == names(there));
    for (std::size_t k = 0; k < here.size(); ++k) {
      BOOST_TEST((here[k].shape() == there[k].shape()), here[k].name());
      BOOST_TEST((here[k].floats() == there[k].floats()), here[k].name());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
