// SPDX-License-Identifier: Apache-2.0
#include <set>

#include <boost/test/unit_test.hpp>

#include "mhub/store/hdf5/archive_format.hpp"

BOOST_AUTO_TEST_SUITE(link_paths)

using namespace mhub;

namespace {

using Paths = std::vector<std::vector<std::string>>;

}  // namespace

BOOST_AUTO_TEST_CASE(dots_become_groups) {
  BOOST_TEST((hdf5_link_paths({"model.norm.weight", "x"}) == Paths{{"model", "norm", "weight"}, {"x"}}));
}

BOOST_AUTO_TEST_CASE(a_tensor_where_a_group_is_goes_beside_it) {
  BOOST_TEST((hdf5_link_paths({"a", "a.b", "a~"}) == Paths{{"a~"}, {"a", "b"}, {"a~~"}}));
  BOOST_TEST((hdf5_link_paths({"a.b.c", "a.b", "a"}) == Paths{{"a", "b", "c"}, {"a", "b~"}, {"a~"}}));
}

BOOST_AUTO_TEST_CASE(odd_parts_become_link_names) {
  BOOST_TEST((hdf5_link_paths({"", ".", "a..b", "a/b", "a|b"}) ==
              Paths{{"~~"}, {"~", "~"}, {"a", "~", "b"}, {"a|b"}, {"a|b~"}}));
}

BOOST_AUTO_TEST_CASE(every_path_is_free_and_shallow) {
  std::vector<std::string> names;
  for (const char* part : {"", "a", "a~", "/", "|", "..", "x.y", "~"}) {
    for (const char* other : {"", ".", ".a", "~", "~.~", "/", "..", "..."})
      names.push_back(std::string(part) + other);
  }
  names.emplace_back(5000, '.');
  const std::set<std::string> unique(names.begin(), names.end());
  names.assign(unique.begin(), unique.end());
  std::set<std::vector<std::string>> groups, leaves;
  for (std::vector<std::string> path : hdf5_link_paths(names)) {
    BOOST_TEST(path.size() <= 32u);
    for (const std::string& part : path)
      BOOST_TEST((!part.empty() && part != "." && part.find('/') == std::string::npos));
    BOOST_TEST(leaves.insert(path).second);
    for (path.pop_back(); !path.empty(); path.pop_back()) groups.insert(path);
  }
  for (const std::vector<std::string>& leaf : leaves) BOOST_TEST(!groups.contains(leaf));
}

BOOST_AUTO_TEST_SUITE_END()
