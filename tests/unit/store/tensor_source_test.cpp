// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/tensor_source.hpp"

#include <algorithm>
#include <random>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"

using namespace mhub;

namespace {

TensorSource source_of(const std::vector<std::string>& names) {
  std::vector<StoredTensor> tensors;
  for (const std::string& name : names) tensors.push_back({name, DType::f32, {1}, {}});
  return TensorSource(std::move(tensors));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tensor_source)

/// Names that are others' beginnings, that differ behind long common ones, and that have zeros in them.
BOOST_AUTO_TEST_CASE(tensors_are_sorted_by_name_and_found) {
  std::vector<std::string> names{
      "",     "a",    std::string(1, '\0'), std::string("a\0", 2), std::string("a\0b", 3),
      "\xff", "\x7f", std::string(8, 'a'),  std::string(9, 'a'),   std::string(16, '\0')};
  std::mt19937 random(1);
  for (int k = 0; k < 3000; ++k) {
    std::string name = k % 3 == 0 ? "model.layers." : k % 3 == 1 ? "model.layers.1.mlp.experts." : "";
    for (std::size_t n = random() % 20; n > 0; --n) name += "ab\0.\xfe"[random() % 5];
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<std::string> mixed = names;
  std::shuffle(mixed.begin(), mixed.end(), random);
  const TensorSource source = source_of(mixed);
  BOOST_REQUIRE(source.tensors().size() == names.size());
  for (std::size_t k = 0; k < names.size(); ++k) {
    BOOST_TEST(source.tensors()[k].name == names[k]);
    BOOST_TEST(source.find(names[k]) == &source.tensors()[k]);
  }
  BOOST_TEST(source.find("model") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_name_is_there_once) {
  std::vector<std::string> names(40, "x");
  BOOST_CHECK_THROW(source_of(names), InputError);
  BOOST_CHECK_THROW(source_of({"b", "a", "b"}), InputError);
  BOOST_TEST(source_of({}).find("a") == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
