// SPDX-License-Identifier: Apache-2.0
// Modules that training wraps around a model put words before every name; what belongs to the model stays.
#include <boost/test/unit_test.hpp>

#include "mhub/megatron/layout.hpp"

using namespace mhub;

BOOST_AUTO_TEST_CASE(wrappers_are_taken_off_names_that_all_have_them) {
  const std::string layer = "decoder.layers.0.mlp.linear_fc2.weight",
                    embedding = "embedding.word_embeddings.weight";
  BOOST_TEST(wrapper_prefix({embedding, layer}) == "");
  BOOST_TEST(wrapper_prefix({"module." + embedding, "module." + layer}) == "module.");
  BOOST_TEST(wrapper_prefix({"module.module." + embedding, "module.module." + layer}) == "module.module.");
  BOOST_TEST(wrapper_prefix({"model.module." + embedding, "model.module." + layer}) == "model.module.");
  BOOST_TEST(wrapper_prefix({embedding, "module." + layer}) == "");
  BOOST_TEST(wrapper_prefix({"language_model." + embedding, "language_model." + layer}) == "");
  BOOST_TEST(wrapper_prefix({"module.language_model." + embedding, "module.language_model." + layer}) ==
             "module.");
}
