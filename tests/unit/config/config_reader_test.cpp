// SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/config/config_binding.hpp"
#include "mhub/config/decoder_config.hpp"

using namespace mhub;

BOOST_AUTO_TEST_SUITE(config_reader)

BOOST_AUTO_TEST_CASE(integers_stay_where_their_products_fit_64_bits) {
  const std::int64_t largest = ConfigReader::kLargestSize;
  const ConfigReader config({{"size", largest},
                             {"beyond", largest + 1},
                             {"below", -largest - 1},
                             {"zero", 0},
                             {"list", {1, largest + 1}}},
                            "config.json");
  BOOST_TEST(config.positive("size") == largest);
  BOOST_TEST(config.integer("zero") == 0);
  BOOST_CHECK_THROW(config.positive("zero"), InputError);
  BOOST_CHECK_THROW(config.integer("beyond"), InputError);
  BOOST_CHECK_THROW(config.integer("below"), InputError);
  BOOST_CHECK_THROW(config.integers("list"), InputError);
}

BOOST_AUTO_TEST_CASE(the_base_of_rotary_positions_is_found_inside_either_key) {
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const nlohmann::json config{{"rope_theta", 5.0}, {key, {{"rope_type", "default"}, {"rope_theta", 7.0}}}};
    BOOST_TEST(config_from_json<DecoderConfig>(ConfigReader(config, "config.json")).rotary.theta == 7.0, key);
  }
  const nlohmann::json old{{"rope_theta", 5.0}, {"rope_scaling", {{"type", "linear"}, {"factor", 2.0}}}};
  BOOST_TEST(config_from_json<DecoderConfig>(ConfigReader(old, "config.json")).rotary.theta == 5.0);
}

BOOST_AUTO_TEST_SUITE_END()
