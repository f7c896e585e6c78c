// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/config_binding.hpp"

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"

using namespace mhub;

BOOST_AUTO_TEST_SUITE(config_binding)

namespace {

ConfigBinding reading(nlohmann::json json) {
  return ConfigBinding(ConfigReader(std::move(json), "config.json"));
}

std::vector<std::int64_t> kinds(const nlohmann::json& types, const std::vector<std::string>& names) {
  std::vector<std::int64_t> found;
  reading({{"layer_types", types}}).per_layer("layer_types", names, found);
  return found;
}

/// What is read of an object for each kind of layer.
RotaryConfig rotary(const nlohmann::json& full, const nlohmann::json& sliding, const RotaryKeys& keys,
                    std::optional<double> local_theta = std::nullopt) {
  RotaryConfig value;
  value.local_theta = local_theta;
  reading({{"rope_parameters", {{"full_attention", full}, {"sliding_attention", sliding}}}})
      .rotary(value, keys);
  return value;
}

const nlohmann::json kPlain{{"rope_type", "default"}, {"rope_theta", 5e5}},
    kLinear{{"rope_type", "linear"}, {"rope_theta", 5e5}, {"factor", 2.0}},
    kOther{{"rope_type", "default"}, {"rope_theta", 1e4}};

}  // namespace

BOOST_AUTO_TEST_CASE(kinds_of_layers_have_the_names_of_every_release) {
  const std::vector<std::int64_t> expected{0, 1, 0};
  BOOST_TEST(kinds({"mamba", "attention", "mamba"}, {"mamba", "attention"}) == expected);
  BOOST_TEST(kinds({"linear_attention", "full_attention", "linear_attention"}, {"mamba", "attention"}) ==
             expected);
  BOOST_TEST(kinds({"indexed_attention"}, {"deepseek_sparse_attention"}).size() == 1u);
  BOOST_CHECK_THROW(kinds({"indexed_attention"}, {"mamba", "attention"}), InputError);
  BOOST_CHECK_THROW(kinds({"conv"}, {"mamba", "attention"}), InputError);
}

BOOST_AUTO_TEST_CASE(older_names_of_kinds_are_written) {
  ConfigBinding b;
  std::vector<std::int64_t> layers{1, 0};
  b.per_layer("layer_types", {"mamba", "attention"}, layers);
  BOOST_TEST(b.written() == nlohmann::json({{"layer_types", {"attention", "mamba"}}}));
}

BOOST_AUTO_TEST_CASE(positions_of_each_kind_of_layer_may_be_the_same) {
  BOOST_TEST(rotary(kPlain, kPlain, {}).theta == 5e5);
  BOOST_TEST((rotary(kLinear, kLinear, {}).scaling.type == RopeKind::linear));
  BOOST_CHECK_THROW(rotary(kLinear, kPlain, {}), InputError);
  BOOST_CHECK_THROW(rotary(kPlain, kOther, {}), InputError);
}

BOOST_AUTO_TEST_CASE(windows_without_scaling_have_the_base_of_all) {
  RotaryKeys keys;
  keys.scaled_windows = false;
  BOOST_TEST((rotary(kLinear, kPlain, keys).scaling.type == RopeKind::linear));
  BOOST_CHECK_THROW(rotary(kLinear, kLinear, keys), InputError);
  BOOST_CHECK_THROW(rotary(kPlain, kOther, keys), InputError);
}

BOOST_AUTO_TEST_CASE(windows_may_have_a_base_of_their_own) {
  const RotaryConfig value = rotary(kLinear, kOther, {}, 1e6);
  BOOST_TEST(value.theta == 5e5);
  BOOST_TEST(value.local_theta.value() == 1e4);
  BOOST_CHECK_THROW(rotary(kPlain, kLinear, {}, 1e6), InputError);
}

BOOST_AUTO_TEST_CASE(a_scaling_of_windows_is_seen_under_its_older_name) {
  const nlohmann::json older{{"type", "linear"}, {"rope_theta", 1e4}, {"factor", 8.0}};
  BOOST_CHECK_THROW(rotary(kPlain, older, {}, 1e4), InputError);
  RotaryKeys keys;
  keys.scaled_windows = false;
  BOOST_CHECK_THROW(rotary(kPlain, {{"type", "linear"}, {"rope_theta", 5e5}, {"factor", 8.0}}, keys),
                    InputError);
}

BOOST_AUTO_TEST_CASE(windows_alone_do_not_say_all_positions) {
  RotaryConfig value;
  BOOST_CHECK_THROW(reading({{"rope_parameters", {{"sliding_attention", kPlain}}}}).rotary(value),
                    InputError);
}

BOOST_AUTO_TEST_CASE(two_scalings_must_be_the_same) {
  const auto both = [](const nlohmann::json& newer, const nlohmann::json& older) {
    RotaryConfig value;
    reading({{"rope_parameters", newer}, {"rope_scaling", older}}).rotary(value);
    return value.scaling.type;
  };
  BOOST_TEST((both(kLinear, kLinear) == RopeKind::linear));
  BOOST_TEST((both(kLinear, nullptr) == RopeKind::linear));
  BOOST_TEST((both(nullptr, kLinear) == RopeKind::linear));
  BOOST_CHECK_THROW(both(kPlain, kLinear), InputError);
  BOOST_CHECK_THROW(both({{"full_attention", kPlain}, {"sliding_attention", kPlain}}, kLinear), InputError);
}

BOOST_AUTO_TEST_CASE(positions_of_an_unknown_kind_are_refused) {
  RotaryConfig value;
  ConfigBinding b = reading(
      {{"rope_parameters", {{"full_attention", kPlain}, {"sliding_attention", kPlain}, {"conv", kPlain}}}});
  BOOST_CHECK_THROW(b.rotary(value), InputError);
  const nlohmann::json half{{"rope_theta", 5e5}, {"partial_rotary_factor", 0.5}};
  BOOST_CHECK_THROW(rotary(kPlain, half, {}, 1e4), InputError);
}

BOOST_AUTO_TEST_SUITE_END()
