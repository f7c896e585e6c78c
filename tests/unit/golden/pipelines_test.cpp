// SPDX-License-Identifier: Apache-2.0
// Pipeline layouts are taken and refused as megatron-core takes and refuses them, and say the same.
#include <optional>

#include <boost/test/unit_test.hpp>

#include "golden/facts.hpp"
#include "mhub/base/error.hpp"
#include "mhub/megatron/pipeline_split.hpp"

BOOST_AUTO_TEST_SUITE(pipelines_tests)

using namespace mhub;
using namespace mhub::tests;

namespace {

std::optional<PipelineSplit> parsed(const GoldenPipeline& golden) {
  PipelineOptions options;
  options.layout = golden.text;
  try {
    return PipelineSplit(golden.layers, {.pipeline = golden.stages}, options, golden.blocks);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(pipeline_layouts_are_megatron_cores) {
  std::size_t taken = 0;
  const GoldenSettings settings = golden_settings();
  for (const GoldenPipeline& golden : settings.pipelines) {
    const std::string name = "\"" + golden.text + "\" on " + std::to_string(golden.stages) + " stages";
    const std::optional<PipelineSplit> mine = parsed(golden);
    BOOST_CHECK_MESSAGE(mine.has_value() != golden.places.is_null(),
                        name << ": mhub " << (mine ? "takes" : "refuses") << " it, megatron-core does not");
    if (!mine || golden.places.is_null()) continue;
    ++taken;
    BOOST_CHECK_MESSAGE(golden.places.at(0) == mine->counts(),
                        name << ": megatron-core " << golden.places.dump());
    BOOST_CHECK_MESSAGE(golden.places.at(1).is_null() || golden.places.at(1) == mine->mtp().stage,
                        name << ": prediction blocks on stage " << mine->mtp().stage << ", megatron-core "
                             << golden.places.dump());
  }
  BOOST_TEST(taken > 20U);
}

BOOST_AUTO_TEST_SUITE_END()
