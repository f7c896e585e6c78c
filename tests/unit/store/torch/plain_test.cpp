// SPDX-License-Identifier: Apache-2.0
// Plain values of a pickled namespace: what they are for JSON, and what others become.
#include "mhub/store/pickle/plain.hpp"

#include <limits>

#include <boost/test/unit_test.hpp>

#include "mhub/store/pickle/pickle.hpp"

BOOST_AUTO_TEST_SUITE(plain_values)

using namespace mhub;
using namespace std::string_literals;

namespace {

/// The value as a namespace with it alone gives it back, written and read.
nlohmann::json plain(PickleArena& arena, const PickleNode* value) {
  PickleNode* dict = arena.dict();
  arena.set(dict, "value", value);
  const std::string pickle = write_pickle(*arena.instance("argparse Namespace", dict));
  return plain_json(*read_pickle(std::as_bytes(std::span(pickle)), arena, "test")).at("value");
}

/// numpy's scalar(dtype(code, False, True), bytes), as torch.save writes it: bytes by _codecs.encode.
nlohmann::json number(const std::string& code, const std::string& bytes, const char* order = "<",
                      const char* function = "numpy.core.multiarray scalar") {
  PickleArena arena;
  PickleNode* dtype =
      arena.make({.kind = PickleNode::Kind::object,
                  .items = {arena.global("numpy dtype"),
                            arena.tuple({arena.string(code), arena.boolean(false), arena.boolean(true)}),
                            arena.tuple({arena.integer(3), arena.string(order)})}});
  return plain(arena,
               arena.call(function, {dtype, arena.make({.kind = PickleNode::Kind::bytes, .text = bytes})}));
}

}  // namespace

BOOST_AUTO_TEST_CASE(numbers_of_numpy) {
  BOOST_TEST(number("i8", "\x04\0\0\0\0\0\0\0"s) == 4);
  BOOST_TEST(number("i8", "\xfe\xff\xff\xff\xff\xff\xff\xff", "<", "numpy._core.multiarray scalar") == -2);
  BOOST_TEST(number("i4", "\xfe\xff\xff\xff") == -2);
  BOOST_TEST(number("u2", "\xfe\xff") == 65534);
  BOOST_TEST(number("i1", "\xfe", "|") == -2);
  BOOST_TEST(number("b1", "\x01", "|") == true);
  BOOST_TEST(number("f4", "\0\0\xc0\x3f"s) == 1.5);
  BOOST_TEST(number("f8", "\0\0\0\0\0\0\xf8\xbf"s) == -1.5);
  for (const auto& other : {number("i8", "\0\0\0\0\0\0\0\x04"s, ">"), number("i8", "\x04"),
                            number("U1", "abcd"), number("f8", "\0\0\0\0\0\0\xf8\x7f"s)})
    BOOST_TEST(other.is_object(), other);
}

BOOST_AUTO_TEST_CASE(what_has_no_plain_form_says_what_it_is) {
  PickleArena arena;
  BOOST_TEST(plain(arena, arena.global("torch bfloat16")) == "torch bfloat16");
  for (const PickleNode* value :
       {arena.global("torch._C._nn gelu"), arena.global("my.models Config"),
        arena.call("builtins range", {arena.integer(3)}), arena.instance("my.models Config", arena.dict()),
        arena.real(std::numeric_limits<double>::infinity())}) {
    const nlohmann::json one = plain(arena, value);
    BOOST_REQUIRE(one.is_object());
    BOOST_TEST(one.at("python").is_string());
  }
  const nlohmann::json list = plain(arena, arena.list({arena.integer(1), arena.global("my.models Config")}));
  BOOST_TEST(list.at(0) == 1);
  BOOST_TEST(list.at(1).is_object());
}

BOOST_AUTO_TEST_SUITE_END()
