// SPDX-License-Identifier: Apache-2.0
// A model of every family (families.json) goes into both Megatron formats and comes back.
#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/convert/convert.hpp"
#include "mhub/convert/verify.hpp"
#include "pretrained/family_models.hpp"

using namespace mhub;

BOOST_AUTO_TEST_SUITE(families_convert)

BOOST_AUTO_TEST_CASE(there_and_back) {
  for (const nlohmann::json family : tests::families()) {
    const std::string name = family["config"]["architectures"][0];
    BOOST_TEST_CONTEXT(name) {
      const tests::TemporaryFolder folder;
      tests::write_model(family, folder.file("hf"));
      for (const char* format : {"torch_dist", "torch"}) {
        const std::string there = folder.file(format), back = there + "_back";
        BOOST_REQUIRE_NO_THROW(convert(folder.file("hf"), there, {.format = format}, {.verify = true}));
        BOOST_REQUIRE_NO_THROW(convert(there, back, {.format = "hf"}, {.verify = true}));
        BOOST_TEST(verify(folder.file("hf"), back).equal());
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
