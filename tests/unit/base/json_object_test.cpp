// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/json_object.hpp"

#include <memory>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"

BOOST_AUTO_TEST_SUITE(json_object)

using namespace mhub;
using nlohmann::json;

namespace {

JsonObject object(json value) { return {std::make_shared<const json>(std::move(value)), "file.json"}; }

template <typename Read>
std::string refusal(const json& value, Read read) {
  try {
    read(object(value));
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

BOOST_AUTO_TEST_CASE(reads_what_is_there_and_the_fallback_of_what_is_not) {
  const JsonObject o = object({{"i", -3},
                               {"x", 0.5},
                               {"b", true},
                               {"s", "text"},
                               {"none", nullptr},
                               {"list", {1, 2}},
                               {"words", {"a", "b"}}});
  BOOST_TEST(o.integer("i") == -3);
  BOOST_TEST(o.number("x") == 0.5);
  BOOST_TEST(o.number("i") == -3.0);
  BOOST_TEST(o.boolean("b"));
  BOOST_TEST(o.string("s") == "text");
  BOOST_TEST(o.integer("none", 7) == 7);
  BOOST_TEST(o.integers("list") == (std::vector<std::int64_t>{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(o.strings("words") == (std::vector<std::string>{"a", "b"}), boost::test_tools::per_element());
  BOOST_TEST(o.strings("absent").empty());
  BOOST_TEST(!o.has("none"));
}

BOOST_AUTO_TEST_CASE(says_file_key_expected_and_found) {
  using Message = const std::string;
  Message integer = "file.json: k: expected an integer, found ";
  const auto read = [](const JsonObject& o) { o.integer("k"); };
  BOOST_TEST(refusal(json::object(), read) == integer + "nothing");
  BOOST_TEST(refusal({{"k", nullptr}}, read) == integer + "nothing");
  BOOST_TEST(refusal({{"k", 1.5}}, read) == integer + "1.5");
  BOOST_TEST(refusal({{"k", true}}, read) == integer + "true");
  BOOST_TEST(refusal({{"k", std::uint64_t{1} << 63}}, read) == integer + "9223372036854775808");
  BOOST_TEST(refusal({{"k", "1"}}, [](const JsonObject& o) { o.number("k"); }) ==
             "file.json: k: expected a number, found \"1\"");
  BOOST_TEST(refusal({{"k", {1, "2"}}}, [](const JsonObject& o) { o.integers("k"); }) ==
             "file.json: k: expected a list of integers, found [1,\"2\"]");
  BOOST_TEST(refusal({{"k", 1}}, [](const JsonObject& o) { o.strings("k"); }) ==
             "file.json: k: expected a list of strings, found 1");
  BOOST_TEST(refusal(json::array(), read) == "file.json: expected a JSON object, found array");
}

BOOST_AUTO_TEST_SUITE_END()
