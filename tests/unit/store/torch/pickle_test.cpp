// SPDX-License-Identifier: Apache-2.0
// The pickle reader: what torch writes is read, what an attacker writes is refused without being run.
#include "mhub/store/pickle/pickle.hpp"

#include <limits>
#include <random>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"

BOOST_AUTO_TEST_SUITE(pickle_tests)

using namespace mhub;
using namespace mhub::tests;
using namespace std::string_literals;

namespace {

const PickleNode* read(const std::string& pickle, PickleArena& arena) {
  return read_pickle(std::as_bytes(std::span(pickle)), arena, "test");
}

void refused(const std::string& pickle, const std::string& expected) {
  PickleArena arena;
  BOOST_CHECK_EXCEPTION(read(pickle, arena), InputError, message_has(expected));
}

}  // namespace

BOOST_AUTO_TEST_CASE(trees_survive_writing_and_reading) {
  PickleArena arena;
  PickleNode* dict = arena.dict();
  const PickleNode* shared = arena.tuple({arena.integer(7), arena.integer(-3000000000), arena.real(0.1)});
  arena.set(dict, "a",
            arena.list({arena.none(), arena.boolean(true), arena.string("x\xc3\xa9"), shared, shared}));
  arena.set(dict, "dtype", arena.global("torch bfloat16"));
  arena.set(dict, "ns", arena.instance("argparse Namespace", arena.dict()));
  arena.set(dict, "call", arena.call("collections OrderedDict", {}));
  arena.set(dict, "four",
            arena.tuple({arena.integer(0), arena.integer(255), arena.integer(256), arena.integer(70000)}));
  const std::string pickle = write_pickle(*dict);
  PickleArena second;
  const PickleNode& root = *read(pickle, second);
  BOOST_TEST(write_pickle(root) == pickle);
  const auto& list = root.find("a")->as_sequence("a");
  BOOST_TEST(list[3]->items[1]->as_integer("n") == -3000000000);
  BOOST_TEST(list[3] == list[4]);
  BOOST_TEST(root.find("dtype")->is_global("torch bfloat16"));
  BOOST_TEST(root.find("ns")->is_object("argparse Namespace"));
  BOOST_TEST(root.find("absent") == nullptr);
  BOOST_CHECK_EXCEPTION(root.find("a")->as_integer("a"), InputError,
                        message_has("expected an int, found a list"));
}

BOOST_AUTO_TEST_CASE(code_is_refused_by_name) {
  refused("cposix\nsystem\n(S'true'\ntR.", "posix.system");
  refused(
      "\x80\x02"
      "cos\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03."s,
      "os.system");
  refused("\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."s, "os.system");
  refused("(S'true'\nios\nsystem\n.", "os.system");
  refused("(cos\nsystem\nS'true'\no.", "os.system");
  refused("cbuiltins\neval\n(S'1'\ntR.", "builtins.eval");
  refused("c__builtin__\ngetattr\n(S'x'\ntR.", "getattr");
  refused("cmegatron.core\nos.system\n(S'true'\ntR.", "os.system");
  refused("ctorch\nload\n(S'x'\ntR.", "torch.load");
  refused("\x80\x02\x82\x01."s, "opcode 130");  // EXT1: the extension registry
}

BOOST_AUTO_TEST_CASE(what_is_not_called_is_data) {
  for (const std::string& pickle :
       {"cmy.models\nConfig\n."s, "ctorch._C._nn\ngelu\n."s, "cbuiltins\nEllipsis\n."s}) {
    PickleArena arena;
    BOOST_TEST(read(pickle, arena)->is(PickleNode::Kind::global), pickle);
  }
  PickleArena arena;
  BOOST_TEST(read("\x80\x02"
                  "cmy.models\nConfig\n)\x81}b."s,
                  arena)
                 ->is_object("my.models Config"));
  refused(
      "\x80\x02"
      "cmy.models\nConfig\n)R."s,
      "the pickle calls my.models.Config, which no checkpoint needs; refused as unsafe");
}

BOOST_AUTO_TEST_CASE(damage_is_refused) {
  refused("", "ends early");
  refused("\x80\x02N"s, "ends early");
  refused(".", "stack is empty");
  refused("NN.", "left over");
  refused(
      "X\xff\xff\xff\xff"
      "abc."s,
      "ends early");
  refused(
      "\x8d\xff\xff\xff\xff\xff\xff\xff\x7f"
      "abc."s,
      "ends early");
  refused("h\x05."s, "memo 5");
  refused("t.", "no mark");
  refused("(Nu.", "stack is empty");
  refused("}(Nu.", "key without a value");
  refused("Na.", "stack is empty");
  refused("NNa.", "appending to None");
  refused("NNb.", "state for None");
  refused("NNR.", "a call of None");
  refused(
      "\x8a\x09"
      "12345678."s,
      "ends early");
  refused("\x80\x06N."s, "protocol 6");
  refused("\x95\x00\x00"s, "ends early");
  refused("Nr\xff\xff\xff\x7f."s, "out of order");
  refused("S'a\\q'\n.", "bad escape");
  refused("S'a\n.", "bad string");
  refused("V\\u12\n.", "bad escape");
  refused("\x97."s, "opcode 151");  // NEXT_BUFFER: its bytes are elsewhere
  refused("(i.", "ends early");
  refused("(o.", "without a class");
  refused("}NNsN.", "left over");
  refused("]q\x00h\x00u."s, "no mark");
  refused("I12x\n.", "bad number");
  PickleArena arena;
  PickleNode* dict = arena.dict();
  arena.set(dict, "key", arena.list({arena.integer(1), arena.string("text")}));
  const std::string whole = write_pickle(*dict);
  for (std::size_t length = 0; length < whole.size(); ++length) refused(whole.substr(0, length), "");
}

BOOST_AUTO_TEST_CASE(bombs_stay_small) {
  // Nesting as deep as the file is long: nodes are flat in the arena, nothing recurses.
  PickleArena arena;
  const PickleNode* deep = read(std::string(1 << 20, ']') + std::string((1 << 20) - 1, 'a') + ".", arena);
  BOOST_TEST(deep->is(PickleNode::Kind::list));
  BOOST_CHECK_THROW(write_pickle(*deep), std::logic_error);
  // Lists of doubled references would have 2^40 leaves if anybody copied them.
  std::string doubled = "]q" + std::string(1, '\0');
  for (int k = 1; k < 40; ++k)
    doubled += std::string("](h") + static_cast<char>(k - 1) + "h" + static_cast<char>(k - 1) + "eq" +
               static_cast<char>(k);
  doubled += "h" + std::string(1, static_cast<char>(39)) + "q" + std::string(1, 100);
  for (int k = 0; k < 41; ++k) doubled += "0";
  doubled += "h" + std::string(1, 100) + ".";
  BOOST_TEST(read(doubled, arena)->items.size() == 2U);
}

BOOST_AUTO_TEST_CASE(recalled_names_are_not_copied_without_end) {
  // A long name that is recalled from the memo for two bytes would cost us a copy each time.
  const std::string name(70000, 'x');
  refused("\x80\x04\x8c\x09megatron.\x94X\x70\x11\x01\x00"s + name + "\x94\x93.", "a name of 70009 bytes");
  const std::string line = "cmegatron.core\n" + std::string(500, 'y') + "\n.";
  refused(line, "a name of 513 bytes");
  refused("\x80\x04\x8c\x03os\n\x8c\x06system\x93."s, "os?.system");
}

BOOST_AUTO_TEST_CASE(names_are_there_once) {
  PickleArena arena;
  BOOST_CHECK_EXCEPTION(read("}(U\x01zq\x00Nh\x00Nu."s, arena)->as_named("t"), InputError,
                        message_has("key z is there twice"));
  BOOST_CHECK_EXCEPTION(read("}(K\x01Nu.", arena)->as_named("t"), InputError,
                        message_has("key: expected a string, found an int"));
  BOOST_CHECK_EXCEPTION(read("}(U\x01\xffNu."s, arena)->as_named("t"), InputError,
                        message_has("not valid UTF-8"));
  const auto named = read("}(U\x01zK\x01U\x01yNu."s, arena)->as_named("t");
  BOOST_REQUIRE_EQUAL(named.size(), 2U);
  BOOST_TEST(named[0].first == "z");
  BOOST_TEST(named[0].second->as_integer("a") == 1);
}

BOOST_AUTO_TEST_CASE(every_kind_of_scalar) {
  PickleArena arena;
  auto text = [&](const std::string& pickle) { return read(pickle, arena)->as_string("text"); };
  auto integer = [&](const std::string& pickle) { return read(pickle, arena)->as_integer("int"); };
  BOOST_TEST(text("S'it\\'s \\x41\\n\\\\'\n.") == "it's A\n\\");
  BOOST_TEST(text("V\\u20ac \xe9 \\U0001f600\n.") == "\xe2\x82\xac \xc3\xa9 \xf0\x9f\x98\x80");
  BOOST_TEST(text("\x80\x04\x8c\x02hi."s) == "hi");
  BOOST_TEST(text("U\x02hi.") == "hi");
  BOOST_TEST(integer("I-12\n.") == -12);
  BOOST_TEST(integer("L-12L\n.") == -12);
  BOOST_TEST(integer("J\xfe\xff\xff\xff."s) == -2);
  BOOST_TEST(integer("M\x00\x01."s) == 256);
  BOOST_TEST(integer("\x8a\x00."s) == 0);
  BOOST_TEST(integer("\x8a\x01\xff."s) == -1);
  BOOST_TEST(integer("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."s) ==
             std::numeric_limits<std::int64_t>::min());
  BOOST_TEST(integer("\x8b\x02\x00\x00\x00\x00\x80."s) == -32768);
  BOOST_TEST(read("I01\n.", arena)->is(PickleNode::Kind::boolean));
  BOOST_TEST(read("F-1.5\n.", arena)->real == -1.5);
  const PickleNode* big = read("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01."s, arena);
  BOOST_TEST(big->is(PickleNode::Kind::big_integer));
  BOOST_CHECK_EXCEPTION(big->as_integer("seed"), InputError, message_has("found an int over 64 bits"));
  BOOST_TEST(read(write_pickle(*big), arena)->text == big->text);
  const PickleNode* bytes = read("C\x03\x00\x7f\xff."s, arena);
  BOOST_TEST(read(write_pickle(*bytes), arena)->items[1]->items[0]->text == "\x00\x7f\xc3\xbf"s);
}

BOOST_AUTO_TEST_CASE(utf8) {
  for (const std::string good :
       {"", "abc", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"})
    BOOST_TEST(is_utf8(good), good);
  for (const std::string bad : {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80",
                                "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82", "a\xc3x"})
    BOOST_TEST(!is_utf8(bad), bad);
}

BOOST_AUTO_TEST_CASE(damaged_pickles_never_crash) {
  PickleArena arena;
  PickleNode* flat = arena.dict();
  for (int k = 0; k < 20; ++k) {
    arena.set(
        flat, "key" + std::to_string(k),
        arena.instance("argparse Namespace",
                       arena.tuple({arena.integer(1 << k), arena.real(k), arena.list({arena.string("x")}),
                                    arena.call("torch Size", {arena.tuple({arena.integer(k)})})})));
  }
  const std::string whole = write_pickle(*flat);
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string changed = whole;
    const unsigned edits = 1 + random() % 4;
    for (unsigned k = 0; k < edits; ++k) changed[random() % changed.size()] = static_cast<char>(random());
    PickleArena own;
    try {
      const PickleNode* root = read(changed, own);
      if (root->is(PickleNode::Kind::dict)) root->as_named("root");
    } catch (const InputError& error) {
      BOOST_REQUIRE(std::string(error.what()).find('\n') == std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
