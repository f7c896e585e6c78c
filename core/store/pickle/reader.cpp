// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "mhub/base/error.hpp"
#include "mhub/store/pickle/pickle.hpp"

namespace mhub {
namespace {

using Kind = PickleNode::Kind;

/// About 3 GB of nodes. The metadata of a checkpoint with a million chunks make some 20 million.
constexpr std::size_t kMostNodes = 32 << 20;
/// Longest "module name"; names recalled from the memo cost the file two bytes each, and us a copy.
constexpr std::size_t kLongestName = 512;

/// The virtual machine of CPython's pickle (Lib/pickle.py, Modules/_pickle.c), with names in the place of
/// calls. Every opcode makes at most one node, so memory is bounded by the pickle's own length.
class Machine {
 public:
  Machine(std::span<const std::byte> data, PickleArena& arena, const std::string& what)
      : data_(data), arena_(arena), what_(what), most_nodes_(arena.size() + kMostNodes) {}

  const PickleNode* run() {
    while (true) {
      const auto opcode = static_cast<char>(take(1)[0]);
      if (opcode == '.') break;
      step(opcode);
      if (arena_.size() > most_nodes_) fail("more than " + std::to_string(kMostNodes) + " objects");
    }
    const PickleNode* root = pop();
    if (!stack_.empty()) fail("objects are left over at the end");
    return root;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw InputError(what_ + ": damaged pickle at byte " + std::to_string(at_) + ": " + problem);
  }

  // --- input
  std::span<const std::byte> take(std::uint64_t count) {
    if (count > data_.size() - at_) fail("it ends early");
    const auto part = data_.subspan(at_, static_cast<std::size_t>(count));
    at_ += part.size();
    return part;
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    const auto raw = take(bytes);
    for (std::size_t k = bytes; k-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(raw[k]);
    return value;
  }
  std::string text(std::uint64_t length) {
    const auto raw = take(length);
    return {reinterpret_cast<const char*>(raw.data()), raw.size()};
  }
  std::string line() {
    const auto rest = data_.subspan(at_);
    const auto* end =
        rest.empty() ? nullptr : static_cast<const std::byte*>(std::memchr(rest.data(), '\n', rest.size()));
    if (end == nullptr) fail("it ends early");
    std::string content = text(static_cast<std::uint64_t>(end - rest.data()));
    take(1);
    return content;
  }
  std::int64_t decimal(std::string digits) {
    if (!digits.empty() && digits.back() == 'L') digits.pop_back();
    std::int64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) fail("bad number");
    return value;
  }
  void push_long(std::uint64_t bytes) {
    if (bytes > 8) return push_text(Kind::big_integer, text(bytes));
    if (bytes == 0) return push(arena_.integer(0));
    const std::uint64_t raw = number(static_cast<std::size_t>(bytes));
    const auto shift = static_cast<unsigned>(64 - 8 * bytes);
    push(arena_.integer(static_cast<std::int64_t>(raw << shift) >> shift));
  }
  void protocol() {
    const std::uint64_t version = number(1);
    if (version > 5) fail("protocol " + std::to_string(version) + ", expected at most 5");
  }

  // --- stack
  void push(const PickleNode* node) { stack_.push_back(const_cast<PickleNode*>(node)); }
  PickleNode* pop() {
    if (stack_.empty() || (!marks_.empty() && marks_.back() >= stack_.size())) fail("the stack is empty");
    PickleNode* node = stack_.back();
    stack_.pop_back();
    return node;
  }
  PickleNode* top() {
    PickleNode* node = pop();
    stack_.push_back(node);
    return node;
  }
  std::vector<const PickleNode*> pop_to_mark() {
    if (marks_.empty()) fail("there is no mark");
    std::vector<const PickleNode*> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()),
                                         stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }

  // --- objects
  void push_global(const std::string& module, const std::string& name) {
    if (module.size() + name.size() > kLongestName)
      fail("a name of " + std::to_string(module.size() + name.size()) + " bytes");
    const auto odd = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
    if (std::any_of(module.begin(), module.end(), odd) || std::any_of(name.begin(), name.end(), odd))
      fail("no name: " + printable(module + "." + name));
    push(arena_.global(module + " " + name));
  }
  void push_object(const PickleNode* callable, const PickleNode* arguments) {
    if (!callable->is(Kind::global)) fail("a call of " + describe(*callable));
    if (!arguments->is(Kind::tuple)) fail("arguments are " + describe(*arguments));
    push_collection(Kind::object, {callable, arguments});
  }
  /// What a loader would call.
  void push_call(const PickleNode* callable, const PickleNode* arguments) {
    if (callable->is(Kind::global) && !is_allowed_global(callable->text)) {
      std::string name = callable->text;
      name[name.find(' ')] = '.';
      throw InputError(what_ + ": the pickle calls " + printable(name) +
                       ", which no checkpoint needs; refused as unsafe");
    }
    push_object(callable, arguments);
  }
  void append(PickleNode* target, std::span<const PickleNode* const> items) {
    std::vector<const PickleNode*>& to = target->is(Kind::object) ? target->entries : target->items;
    if (!target->is(Kind::object) && !target->is(Kind::list) && !target->is(Kind::set))
      fail("appending to " + describe(*target));
    to.insert(to.end(), items.begin(), items.end());
  }
  void set_items(PickleNode* target, std::span<const PickleNode* const> pairs) {
    if (pairs.size() % 2 != 0) fail("a key without a value");
    if (!target->is(Kind::dict) && !target->is(Kind::object)) fail("setting items of " + describe(*target));
    std::vector<const PickleNode*>& to = target->is(Kind::object) ? target->entries : target->items;
    to.insert(to.end(), pairs.begin(), pairs.end());
  }
  void build() {
    const PickleNode* state = pop();
    PickleNode* target = top();
    if (!target->is(Kind::object)) fail("state for " + describe(*target));
    if (target->items.size() == 2) {
      target->items.push_back(state);
    } else {
      target->items[2] = state;
    }
  }
  void push_text(Kind kind, std::string content) {
    push(arena_.make({.kind = kind, .text = std::move(content)}));
  }
  /// Writers count keys up from 0 (or 1, or leave gaps after pickletools.optimize); a key far ahead of what
  /// was memoized so far would only make us allocate.
  void memoize(std::uint64_t key) {
    if (key > 2 * ++memoized_ + 1024) fail("memo key " + std::to_string(key) + " out of order");
    if (key >= memo_.size()) memo_.resize(static_cast<std::size_t>(key) + 1, nullptr);
    memo_[static_cast<std::size_t>(key)] = top();
  }
  void recall(std::uint64_t key) {
    if (key >= memo_.size() || memo_[static_cast<std::size_t>(key)] == nullptr)
      fail("memo " + std::to_string(key) + " was never set");
    stack_.push_back(memo_[static_cast<std::size_t>(key)]);
  }
  void push_collection(Kind kind, std::vector<const PickleNode*> items) {
    push(arena_.make({.kind = kind, .items = std::move(items)}));
  }
  void push_tuple(std::size_t count) {
    std::vector<const PickleNode*> items(count);
    for (std::size_t k = count; k-- > 0;) items[k] = pop();
    push_collection(Kind::tuple, std::move(items));
  }

  void step(char opcode) {
    if (!push_literal(opcode)) rearrange(opcode);
  }
  /// Pushes a number, truth value, text or bytes that stands in the stream; false for other opcodes.
  bool push_literal(char opcode) {
    switch (opcode) {
      case 'N': push(arena_.none()); break;
      case '\x88': push(arena_.boolean(true)); break;
      case '\x89': push(arena_.boolean(false)); break;
      case 'I': push_int_line(); break;
      case 'L': push(arena_.integer(decimal(line()))); break;
      case 'J': push(arena_.integer(static_cast<std::int32_t>(number(4)))); break;
      case 'K': push(arena_.integer(static_cast<std::int64_t>(number(1)))); break;
      case 'M': push(arena_.integer(static_cast<std::int64_t>(number(2)))); break;
      case '\x8a': push_long(number(1)); break;
      case '\x8b': push_long(number(4)); break;
      case 'F': push_float_line(); break;
      case 'G': push_binary_float(); break;
      case 'X': push_text(Kind::string, text(number(4))); break;
      case '\x8c': push_text(Kind::string, text(number(1))); break;
      case '\x8d': push_text(Kind::string, text(number(8))); break;
      case 'V': push_unescaped(unescape_unicode(line())); break;
      case 'S': push_quoted_line(); break;
      case 'T': push_text(Kind::string, text(number(4))); break;  // Python 2's str
      case 'U': push_text(Kind::string, text(number(1))); break;
      case 'B': push_text(Kind::bytes, text(number(4))); break;
      case 'C': push_text(Kind::bytes, text(number(1))); break;
      case '\x8e': push_text(Kind::bytes, text(number(8))); break;
      case '\x96': push_text(Kind::bytes, text(number(8))); break;
      default: return false;
    }
    return true;
  }
  /// The opcodes that work on what is on the stack already.
  void rearrange(char opcode) {
    switch (opcode) {
      case '\x80': protocol(); break;
      case '\x95': take(8); break;                       // FRAME: only a hint
      case '(': marks_.push_back(stack_.size()); break;  // MARK
      case '0': pop_or_unmark(); break;                  // POP
      case '1': pop_to_mark(); break;                    // POP_MARK
      case '2': stack_.push_back(top()); break;          // DUP
      case ']': push_collection(Kind::list, {}); break;
      case 'l': push_collection(Kind::list, pop_to_mark()); break;
      case ')': push(arena_.tuple({})); break;
      case 't': push_collection(Kind::tuple, pop_to_mark()); break;
      case '\x85': push_tuple(1); break;
      case '\x86': push_tuple(2); break;
      case '\x87': push_tuple(3); break;
      case '}': push_collection(Kind::dict, {}); break;
      case 'd': push_dict(pop_to_mark()); break;
      case '\x8f': push_collection(Kind::set, {}); break;
      case '\x91': push_collection(Kind::set, pop_to_mark()); break;  // FROZENSET
      case 'a': append_one(); break;
      case 'e':
      case '\x90': append_many(); break;
      case 's': set_one(); break;
      case 'u': set_many(); break;
      case 'c': push_global_lines(); break;
      case '\x93': push_stack_global(); break;
      case 'R': reduce(); break;
      case '\x81': make_instance(); break;  // NEWOBJ: class and arguments, the same data
      case '\x92':                          // NEWOBJ_EX
        pop();
        make_instance();
        break;
      case 'b': build(); break;
      case 'i': push_instance(); break;
      case 'o': push_marked_object(); break;
      case 'Q': push_collection(Kind::persistent, {pop()}); break;
      case 'P': push_persistent_line(); break;
      case 'q': memoize(number(1)); break;
      case 'r': memoize(number(4)); break;
      case 'p': memoize(static_cast<std::uint64_t>(decimal(line()))); break;
      case '\x94': memoize(memo_.size()); break;
      case 'h': recall(number(1)); break;
      case 'j': recall(number(4)); break;
      case 'g': recall(static_cast<std::uint64_t>(decimal(line()))); break;
      default: fail("unknown or unsafe opcode " + std::to_string(static_cast<unsigned char>(opcode)));
    }
  }

  void pop_or_unmark() {
    if (!marks_.empty() && marks_.back() == stack_.size()) {
      marks_.pop_back();
    } else {
      pop();
    }
  }
  void push_int_line() {
    const std::string digits = line();
    if (digits == "00" || digits == "01") {
      push(arena_.boolean(digits == "01"));
    } else {
      push(arena_.integer(decimal(digits)));
    }
  }
  void push_float_line() {
    const std::string digits = line();
    double value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) fail("bad number");
    push(arena_.real(value));
  }
  void push_binary_float() {
    std::uint64_t bits = 0;
    for (const std::byte byte : take(8)) bits = bits << 8 | std::to_integer<std::uint64_t>(byte);
    push(arena_.real(std::bit_cast<double>(bits)));
  }
  void push_quoted_line() {
    const std::string quoted = line();
    if (quoted.size() < 2 || quoted.front() != quoted.back()) fail("bad string");
    push_unescaped(unescape_repr(std::string_view(quoted).substr(1, quoted.size() - 2)));
  }
  void push_unescaped(std::optional<std::string> content) {
    if (!content) fail("bad escape in a string");
    push_text(Kind::string, std::move(*content));
  }
  void push_dict(std::vector<const PickleNode*> pairs) {
    if (pairs.size() % 2 != 0) fail("a key without a value");
    push_collection(Kind::dict, std::move(pairs));
  }
  void append_one() {
    const PickleNode* item = pop();
    append(top(), {&item, 1});
  }
  void append_many() {
    const auto items = pop_to_mark();
    append(top(), items);
  }
  void set_one() {
    const PickleNode* value = pop();
    const PickleNode* pair[] = {pop(), value};
    set_items(top(), pair);
  }
  void set_many() {
    const auto pairs = pop_to_mark();
    set_items(top(), pairs);
  }
  void push_global_lines() {
    const std::string module = line();
    push_global(module, line());
  }
  void push_stack_global() {
    const PickleNode* name = pop();
    const PickleNode* module = pop();
    push_global(module->as_string(what_ + ": module name"), name->as_string(what_ + ": name"));
  }
  void reduce() {
    const PickleNode* arguments = pop();
    push_call(pop(), arguments);
  }
  /// An instance of a class without its constructor's run: as little as a name can do harm.
  void make_instance() {
    const PickleNode* arguments = pop();
    push_object(pop(), arguments);
  }
  void push_instance() {
    const std::string module = line();
    const std::string name = line();
    std::vector<const PickleNode*> arguments = pop_to_mark();
    push_global(module, name);
    const PickleNode* callable = pop();
    push_call(callable, arena_.tuple(std::move(arguments)));
  }
  void push_marked_object() {
    std::vector<const PickleNode*> items = pop_to_mark();
    if (items.empty()) fail("an object without a class");
    const PickleNode* callable = items.front();
    items.erase(items.begin());
    push_call(callable, arena_.tuple(std::move(items)));
  }
  void push_persistent_line() {
    const PickleNode* id = arena_.string(line());
    push_collection(Kind::persistent, {id});
  }

  std::span<const std::byte> data_;
  PickleArena& arena_;
  const std::string& what_;
  std::size_t at_ = 0;
  std::vector<PickleNode*> stack_;
  std::vector<std::size_t> marks_;
  std::vector<PickleNode*> memo_;
  std::uint64_t memoized_ = 0;  ///< memo opcodes so far
  std::size_t most_nodes_;
};

}  // namespace

const PickleNode* read_pickle(std::span<const std::byte> data, PickleArena& arena, const std::string& what) {
  return Machine(data, arena, what).run();
}

}  // namespace mhub
