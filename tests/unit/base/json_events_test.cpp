// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/json_events.hpp"

#include <random>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"

using namespace mhub;
using namespace mhub::tests;

namespace {

/// Makes a tree of what it is told.
class Tree final : public JsonEvents {
 public:
  void begin_object() override { open(nlohmann::json::object()); }
  void key(std::string_view name) override { keys_.back() = name; }
  void end_object() override { close(); }
  void begin_list() override { open(nlohmann::json::array()); }
  void end_list() override { close(); }
  void string(std::string_view text) override { add(std::string(text)); }
  void count(std::uint64_t number) override { add(number); }
  void other(std::string_view text) override { add(nlohmann::json::parse(text)); }

  nlohmann::json root;

 private:
  void open(nlohmann::json value) {
    open_.push_back(std::move(value));
    keys_.emplace_back();
  }
  void close() {
    nlohmann::json done = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    add(std::move(done));
  }
  void add(nlohmann::json value) {
    if (open_.empty()) {
      root = std::move(value);
    } else if (open_.back().is_array()) {
      open_.back().push_back(std::move(value));
    } else {
      open_.back()[keys_.back()] = std::move(value);
    }
  }
  std::vector<nlohmann::json> open_;
  std::vector<std::string> keys_;
};

nlohmann::json read(std::string_view text) {
  Tree tree;
  read_json_events(text, "x.json", tree);
  return tree.root;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(json_events)

BOOST_AUTO_TEST_CASE(tells_what_a_tree_has) {
  for (const char* text :
       {"{}", "[]", " [ ] ", "{\"a\": {\"b\": []}, \"c\": [1, [2, {}], 3]}", "0", "-0",
        "[-1, 1.5, 2e3, 1E-2]", "18446744073709551615", "18446744073709551616", "\"\"", "true",
        "[null, false]", R"("\"\\\/\b\f\n\r\t")", R"("\u00e4\u0000 \ud83d\ude00 x")",
        "\"\xc3\xa4 \xf0\x9f\x98\x80\"", "\xEF\xBB\xBF{\"a\":1}", "\t\r\n{\n\"a\"\t:\r1}"}) {
    BOOST_TEST_CONTEXT(text) { BOOST_TEST((read(text) == nlohmann::json::parse(text))); }
  }
}

BOOST_AUTO_TEST_CASE(says_where_a_text_is_wrong) {
  BOOST_CHECK_EXCEPTION(read("{\"a\": 1 \"b\": 2}"), InputError,
                        message_has("x.json: not valid JSON: byte 8: expected ',' or '}'"));
  BOOST_CHECK_EXCEPTION(read("{\"a\": "), InputError,
                        message_has("byte 6: expected a value, and the text ends"));
}

/// Every text is refused exactly where nlohmann's parser refuses it: whole ones, cut off ones, changed ones.
BOOST_AUTO_TEST_CASE(refuses_what_is_no_json) {
  using namespace std::string_view_literals;
  std::vector<std::string> texts{"",
                                 " ",
                                 "{",
                                 "[1,]",
                                 "{} {}",
                                 "{'a': 1}",
                                 "nul",
                                 "// c\n{}",
                                 "{\"a\": NaN}",
                                 "\"tab\there\"",
                                 "01",
                                 "-",
                                 "1.",
                                 ".5",
                                 "1e",
                                 "+1",
                                 "\"\\ud800\"",
                                 "\"\\udc00\"",
                                 "\"\\ud800\\u0041\"",
                                 "\"\\u12g4\"",
                                 "\"\\x\"",
                                 "\"\\",
                                 "\"\xff\"",
                                 "\"\xc3\"",
                                 "\"\xed\xa0\x80\"",
                                 "{\"a\" 1}",
                                 "{1: 2}",
                                 "[1 2]",
                                 "{\"a\": 1,}",
                                 "]",
                                 "[}",
                                 "truefalse",
                                 std::string("\"\0\""sv)};
  const std::string whole =
      R"({"a\u00e4": {"dtype": "BF16", "shape": [2, 3], "n": -1.5e+3}, "b": [true, null, {}]})";
  for (std::size_t length = 0; length <= whole.size(); ++length) texts.push_back(whole.substr(0, length));
  std::mt19937 random(1);
  for (int k = 0; k < 20000; ++k) {
    std::string changed = whole;
    for (int n = 0; n < 1 + k % 3; ++n)
      changed[random() % changed.size()] = "{}[]\",:\\u0e-+. ntf\xc3\xa4\x01"[random() % 21];
    texts.push_back(std::move(changed));
  }
  for (const std::string& text : texts) {
    BOOST_TEST_CONTEXT(text) {
      const nlohmann::json peer = nlohmann::json::parse(text, nullptr, false);
      if (!peer.is_discarded()) {
        BOOST_TEST((read(text) == peer));
      } else {
        BOOST_CHECK_THROW(read(text), InputError);
      }
    }
  }
}

/// To nlohmann's parser it is the end of the text.
BOOST_AUTO_TEST_CASE(a_nul_byte_ends_nothing) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {"{}\0"sv, "{}\0{}"sv, "\0{}"sv, "{\"a\"\0: 1}"sv})
    BOOST_CHECK_THROW(read(text), InputError);
}

BOOST_AUTO_TEST_CASE(depth_costs_no_stack) { BOOST_CHECK_THROW(read(std::string(200'000, '[')), InputError); }

BOOST_AUTO_TEST_SUITE_END()
