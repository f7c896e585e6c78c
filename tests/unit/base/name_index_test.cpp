// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/name_index.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

using namespace mhub;

BOOST_AUTO_TEST_SUITE(name_index)

BOOST_AUTO_TEST_CASE(finds_what_was_added_and_nothing_else) {
  std::vector<std::string> names;
  const auto name_of = [&](std::uint32_t k) { return std::string_view(names[k]); };
  NameIndex index;
  BOOST_TEST(index.find("0", name_of) == NameIndex::kNone);
  for (std::uint32_t k = 0; k < 5000; ++k) {
    const std::string name = "layers." + std::to_string(k) + ".weight";
    BOOST_TEST(index.add(name, k, name_of) == NameIndex::kNone);
    names.push_back(name);
    BOOST_TEST(index.add(names[k / 2], k + 1, name_of) == k / 2);
  }
  for (std::uint32_t k = 0; k < 5000; ++k) BOOST_TEST(index.find(names[k], name_of) == k);
  for (const char* other : {"", "layers.5000.weight", "layers.1.weigh", "layers.1.weight "})
    BOOST_TEST(index.find(other, name_of) == NameIndex::kNone);
}

BOOST_AUTO_TEST_SUITE_END()
