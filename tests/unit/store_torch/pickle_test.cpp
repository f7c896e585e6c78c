// The pickle reader: what torch writes is read, what an attacker writes is refused without being run.
#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/store/pickle/reader.hpp"
#include "mhub/store/pickle/writer.hpp"

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
  refused("c__builtin__\ngetattr\n.", "getattr");
  refused("cmegatron.core\nos.system\n.", "os.system");
  refused("ctorch\nload\n.", "torch.load");
  refused("\x80\x02\x82\x01."s, "opcode 130");  // EXT1: the extension registry
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
      "123456789."s,
      "9 bytes");
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
