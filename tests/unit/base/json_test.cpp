// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/json.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

using namespace mhub;
using namespace mhub::tests;

BOOST_AUTO_TEST_SUITE(json)

BOOST_AUTO_TEST_CASE(parses_a_config) {
  const nlohmann::json parsed =
      parse_json(R"({"a": {"x": 1}, "b": {"x": [2, {"x": 3}]}, "c": "\u00e4", "d": null})", "config.json");
  BOOST_TEST(parsed["b"]["x"][1]["x"].get<int>() == 3);
  BOOST_TEST(parsed["c"].get<std::string>() == "ä");
  BOOST_TEST(parsed["d"].is_null());
}

BOOST_AUTO_TEST_CASE(says_where_the_text_is_wrong) {
  BOOST_CHECK_EXCEPTION(parse_json("{\n  \"a\": 1,\n  \"b\" 2\n}", "config.json"), InputError,
                        message_has("config.json: not valid JSON", "line 3, column"));
  for (const char* text : {"", " ", "{", "[1,]", "{} {}", "{'a': 1}", "nul", "1e999999x", "\"\\ud800\"",
                           "// c\n{}", "{\"a\": NaN}", "\"tab\there\"", "01"}) {
    BOOST_TEST_CONTEXT(text) { BOOST_CHECK_THROW(parse_json(text, "x"), InputError); }
  }
}

BOOST_AUTO_TEST_CASE(a_nul_byte_ends_nothing) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {"{}\0"sv, "{}\0{\"evil\": 1}"sv, "\0{}"sv, "{\"a\"\0: 1}"sv}) {
    BOOST_CHECK_EXCEPTION(parse_json(text, "x"), InputError, message_has("x: not valid JSON", "is NUL"));
    BOOST_CHECK_THROW(parse_ordered_json(text, "x"), InputError);
    BOOST_CHECK_THROW(parse_config(text, "x"), InputError);
  }
}

BOOST_AUTO_TEST_CASE(a_config_may_hold_what_python_writes) {
  const std::string text =
      R"({"limit": [0.0, Infinity], "low": -Infinity, "none": NaN, "text": "a \"NaN, \\"})";
  const nlohmann::json config = parse_config(text, "config.json");
  BOOST_TEST((config["limit"][1] == nlohmann::json{{"__float__", "Infinity"}}));
  BOOST_TEST((config["low"] == nlohmann::json{{"__float__", "-Infinity"}}));
  BOOST_TEST(config["text"].get<std::string>() == "a \"NaN, \\");
  const std::string written = config_text(config);
  BOOST_TEST(written.find("\"low\": -Infinity,") != std::string::npos, written);
  BOOST_TEST((parse_config(written, "config.json") == config));
  for (const char* wrong : {"{\"a\": Infinit}", "{\"a\": NaNNaN}", "{Infinity: 1}", "{\"a\": \"NaN", "\"\\"})
    BOOST_CHECK_THROW(parse_config(wrong, "x"), InputError);
}

BOOST_AUTO_TEST_CASE(refuses_invalid_utf8) {
  for (const char* text : {"\"\xff\"", "\"\xc3\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "{\"\xfe\": 1}"})
    BOOST_CHECK_THROW(parse_json(text, "x"), InputError);
}

BOOST_AUTO_TEST_CASE(refuses_a_key_that_is_there_twice) {
  BOOST_CHECK_EXCEPTION(parse_json(R"({"a": 1, "b": {"c": 1, "c": 2}})", "config.json"), InputError,
                        message_has("config.json", "\"c\" is there twice"));
  BOOST_CHECK_NO_THROW(parse_json(R"([{"a": 1}, {"a": 1}, {"b": {"a": 1}, "a": 1}])", "x"));
}

BOOST_AUTO_TEST_CASE(refuses_deep_nesting) {
  BOOST_CHECK_NO_THROW(parse_json(std::string(100, '[') + std::string(100, ']'), "x"));
  BOOST_CHECK_EXCEPTION(parse_json(std::string(1'000'000, '['), "x"), InputError, message_has("deeper"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  BOOST_CHECK_EXCEPTION(parse_json(objects, "x"), InputError, message_has("deeper"));
}

BOOST_AUTO_TEST_CASE(limits_the_size_of_a_file) {
  const TemporaryFolder folder;
  write_file(folder.file("a.json"), std::string("[1, 2]"));
  BOOST_TEST(parse_json_file(folder.file("a.json"), 6).size() == 2u);
  BOOST_CHECK_EXCEPTION(parse_json_file(folder.file("a.json"), 5), InputError,
                        message_has("a.json", "at most 5"));
  BOOST_CHECK_EXCEPTION(parse_json_file(folder.file("b.json"), 5), IoError, message_has("b.json"));
}

BOOST_AUTO_TEST_SUITE_END()
