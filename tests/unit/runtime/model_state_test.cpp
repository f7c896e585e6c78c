// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/model_state.hpp"

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "runtime/tiny_model.hpp"

using namespace mhub;
using namespace mhub::runtime;

BOOST_AUTO_TEST_SUITE(model_state)

BOOST_AUTO_TEST_CASE(tensors_by_megatron_names) {
  tests::TemporaryFolder folder;
  tests::TinyModel().write(folder.file("model"));
  const Checkpoint checkpoint = open_checkpoint(folder.file("model"));
  const ModelState state(checkpoint);
  BOOST_TEST(state.size() == 15U);
  const auto weights = state["decoder.layers.*.mlp.*.weight"];
  BOOST_TEST_REQUIRE(weights.size() == 4U);
  BOOST_TEST(weights[0].name() == "decoder.layers.0.mlp.linear_fc1.weight");
  BOOST_TEST((weights[0].shape() == Shape{24, 8}));
  BOOST_TEST(state.regex("linear_(qkv|proj)\\.weight$").size() == 4U);
  BOOST_CHECK_THROW(state.regex("("), UsageError);
  BOOST_CHECK_THROW(state.at("decoder.layers.0"), UsageError);

  // The first key row of group 0 lies behind its two queries of two dimensions.
  const std::vector<float> qkv = state.at("decoder.layers.0.self_attention.linear_qkv.weight").floats();
  const StoredTensor* keys = checkpoint.tensors.find("model.layers.0.self_attn.k_proj.weight");
  const std::vector<std::byte> bytes = read_tensor(*keys);
  float first = 0;
  std::memcpy(&first, bytes.data(), sizeof(first));
  BOOST_TEST(qkv.size() == 16U * 8U);
  BOOST_TEST(qkv[4 * 8] == first);
}

BOOST_AUTO_TEST_SUITE_END()
