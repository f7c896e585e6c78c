// SPDX-License-Identifier: Apache-2.0
// A config.json in which one value is wrong, for every class and every key: accepted or refused as bad input,
// never a std::logic_error, which says that mhub or the plugin has a bug.
#include <set>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/plugin/registry.hpp"

BOOST_AUTO_TEST_SUITE(bad_config)

using namespace mhub;
using nlohmann::json;

namespace {

constexpr std::int64_t kMostListed = 2000;  ///< of layers times experts, so that the test is quick

std::vector<json> wrong_values(const json& value) {
  if (value.is_boolean()) return {!value.get<bool>(), "x"};
  if (value.is_number_integer()) {
    const auto number = value.get<std::int64_t>();
    return {-1, 0, 1, 3, number + 1, std::int64_t{1} << 40};
  }
  if (value.is_number()) return {-1.0, 0.0, 1e300};
  if (value.is_string()) return {"", "x"};
  if (value.is_array()) {
    json longer = value;
    longer.push_back(value.empty() ? json(1) : value.back());
    return {json::array(), std::move(longer), json::array({-1}), json::array({"x"})};
  }
  return {};
}

/// Every config that differs from `config` in one value, also of the objects inside.
std::vector<json> variants(const json& config) {
  std::vector<json> all;
  for (const auto& [key, value] : config.items()) {
    std::vector<json> others = value.is_object() ? variants(value) : wrong_values(value);
    for (json& other : others) {
      all.push_back(config);
      all.back()[key] = std::move(other);
    }
    all.push_back(config);
    all.back()[key] = nullptr;
  }
  return all;
}

/// All that loading and conversion ask of a class about a config.
void use(const ModelDescriptor& model, const json& config) {
  const ConfigReader reader(config, "config.json");
  const TransformerConfig megatron = model.megatron(reader);
  const Mapping mapping = model.mapping(reader);
  if (megatron.num_layers * (megatron.moe ? megatron.moe->num_experts : 1) <= kMostListed) expand(mapping);
  if (model.config_json) model.config_json(megatron);
}

/// The defaults of a class, with few layers and experts.
json small_defaults(const ModelDescriptor& model) {
  json config = json::object();
  if (model.config_json) config = model.config_json(model.megatron({json::object(), "defaults"}));
  for (auto& [key, value] : config.items()) {
    if (value.is_number_integer() && value > 2 && (key.ends_with("layers") || key == "n_layer")) value = 2;
    if (value.is_number_integer() && value > 8 && key.find("experts") != key.npos) value = 8;
  }
  return config;
}

}  // namespace

BOOST_AUTO_TEST_CASE(one_wrong_value_is_bad_input) {
  int accepted = 0, refused = 0;
  std::set<std::string> bugs;
  for (const PluginRegistry::Plugin& plugin : PluginRegistry::instance().plugins()) {
    for (const ModelDescriptor& model : plugin.models) {
      json base;
      try {
        base = small_defaults(model);
      } catch (const InputError&) {
        continue;  // no model without a config
      }
      for (const json& config : variants(base)) {
        try {
          use(model, config);
          ++accepted;
        } catch (const InputError&) {
          ++refused;
        } catch (const std::exception& error) {
          if (bugs.insert(model.class_name + ": " + error.what()).second)
            BOOST_ERROR(model.class_name << ": " << error.what() << ": " << json::diff(base, config).dump());
        }
      }
    }
  }
  BOOST_TEST(accepted > 1000);
  BOOST_TEST(refused > 1000);
}

BOOST_AUTO_TEST_SUITE_END()
