// SPDX-License-Identifier: Apache-2.0
#include "converters/recipe/schema.hpp"

#include <boost/test/unit_test.hpp>

#include "converters/recipe/keys.hpp"
#include "converters/recipe/recipe_file.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"

BOOST_AUTO_TEST_SUITE(schema)

using namespace mhub;
using namespace mhub::converters;

BOOST_AUTO_TEST_CASE(the_file_is_what_the_tables_say) {
  const std::string path = std::string(MHUB_REPOSITORY) + "/recipes/recipe.schema.json";
  BOOST_CHECK_MESSAGE(read_file(path, 1 << 20) == json_text(recipe_schema(), 1) + "\n",
                      path << ": out of date; mhub run --schema > recipes/recipe.schema.json");
}

BOOST_AUTO_TEST_CASE(has_every_key) {
  const nlohmann::json schema = recipe_schema();
  const nlohmann::json& entry = schema["properties"]["conversions"]["items"]["properties"];
  for (const std::span<const ConvertKey> keys : {place_keys(), convert_keys()}) {
    for (const ConvertKey& key : keys) {
      BOOST_TEST(entry.contains(key.name));
      BOOST_TEST(schema["definitions"][key.name]["description"] == key.help);
    }
  }
  for (const Spelling& one : spellings()) {
    BOOST_TEST(entry.contains(one.name));
    BOOST_REQUIRE(find_convert_key(one.key) != nullptr);
    BOOST_TEST(find_convert_key(one.name) == nullptr);
  }
  for (const EntryKey& one : entry_keys()) BOOST_TEST(entry.contains(one.name));
  for (const auto& [name, property] : entry.items()) BOOST_TEST(is_entry_key(short_name(name)), name);
}

BOOST_AUTO_TEST_SUITE_END()
