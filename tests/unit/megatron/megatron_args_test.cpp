// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/megatron_args.hpp"

#include <boost/test/unit_test.hpp>

#include "config/models.hpp"

BOOST_AUTO_TEST_SUITE(megatron_args)

using namespace mhub;
using namespace mhub::tests;

namespace {

nlohmann::json args_of(const ParallelSizes& sizes) {
  PickleArena arena;
  PickleNode* top = arena.dict();
  MegatronTarget target;
  target.format = "torch";
  target.sizes = sizes;
  add_common_state(arena, top, three_layers(), target);
  return plain_json(*top->find("args"));
}

}  // namespace

/// Megatron-LM's arguments.py: None where there is one chunk a stage.
BOOST_AUTO_TEST_CASE(chunks_of_a_stage) {
  const nlohmann::json one = args_of({2, 4, 1, 1, 2}), three = args_of({2, 4, 3, 1, 2});
  BOOST_TEST(one.at("virtual_pipeline_model_parallel_size").is_null());
  BOOST_TEST(three.at("virtual_pipeline_model_parallel_size") == 3);
  BOOST_TEST(three.at("pipeline_model_parallel_size") == 4);
  BOOST_TEST(three.at("tensor_model_parallel_size") == 2);
}

/// Megatron-LM's arguments.py, moe_freq_type and its like: N means that each N-th layer is the other kind,
/// counted from one (gpt_layer_specs.py: (i + 1) % N).
BOOST_AUTO_TEST_CASE(a_number_stands_for_a_list_of_layers) {
  for (const auto& [model, key] : {std::pair("linear attention", "linear_attention_freq"),
                                   std::pair("window", "window_attn_skip_freq")}) {
    for (const Dialect dialect : {Dialect::args, Dialect::run_config}) {
      const TransformerConfig config = models().at(model);
      nlohmann::json said = description_of(config, dialect);
      BOOST_TEST(said.at(key) == (nlohmann::json{1, 1, 0}), key);
      said[key] = 3;
      const TransformerConfig read = read_description(said, dialect, "somewhere");
      BOOST_TEST((model == std::string("window") ? read.window_layers : read.linear_attention->layer_freq) ==
                     (Layers{1, 1, 0}),
                 boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
