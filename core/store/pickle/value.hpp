// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mhub {

/// A node of a pickled object tree: data only. Classes and functions are names; nothing is ever imported or
/// called. Nodes belong to a PickleArena and refer to each other freely (shared and even cyclic, as pickles
/// can be), so whoever walks a tree bounds the depth.
struct PickleNode {
  enum class Kind {
    none,
    boolean,
    integer,
    big_integer,  ///< beyond 64 bits: `text` is its little-endian two's complement, as LONG1 holds it
    real,
    string,
    bytes,
    list,
    tuple,
    dict,
    set,
    global,      ///< a class or function by name
    object,      ///< the result of calling a global: REDUCE, NEWOBJ
    persistent,  ///< something kept outside the pickle (torch: a storage)
  };
  Kind kind = Kind::none;
  std::int64_t integer = 0;  ///< boolean (0/1) and integer
  double real = 0;
  std::string text = {};  ///< string, bytes; global: "module name"
  /// list, tuple, set: items; dict: key, value, key, value ...; object: callable, arguments, and state when
  /// it has one; persistent: the id
  std::vector<const PickleNode*> items = {};
  /// object: what APPENDS or SETITEMS added (an OrderedDict's pairs)
  std::vector<const PickleNode*> entries = {};

  bool is(Kind k) const { return kind == k; }
  /// True for the global "module.name" given as "module name".
  bool is_global(std::string_view name) const { return kind == Kind::global && text == name; }
  /// True for an object made by calling that global.
  bool is_object(std::string_view callable) const;
  /// The value of a string key in a dict, in an OrderedDict's entries or in an object's state; nullptr when
  /// absent.
  const PickleNode* find(std::string_view key) const;

  // Typed access; each throws InputError "<what>: expected ..., found ..." when the node is something else.
  std::int64_t as_integer(const std::string& what) const;
  const std::string& as_string(const std::string& what) const;
  /// Items of a list or tuple (torch.Size counts as its tuple).
  const std::vector<const PickleNode*>& as_sequence(const std::string& what) const;
  /// Pairs of a dict or OrderedDict as key, value, key, value ...
  const std::vector<const PickleNode*>& as_pairs(const std::string& what) const;
  /// Pairs of a dict or OrderedDict of names: keys must be strings of valid UTF-8, each there once (python
  /// cannot write one twice; a hostile file can, a million times at two bytes each).
  std::vector<std::pair<std::string_view, const PickleNode*>> as_named(const std::string& what) const;
};

/// For messages: "a string", "an object of torch Size".
std::string describe(const PickleNode& node);
/// A text from a file for a one-line message: cut after 200 bytes, control characters replaced.
std::string printable(std::string_view text);

/// Owns nodes; they live as long as it does. Also the way to build trees for the writer. None, booleans,
/// small integers and the empty tuple are shared: they can never be changed.
class PickleArena {
 public:
  using Kind = PickleNode::Kind;
  using Nodes = std::vector<const PickleNode*>;

  PickleArena() = default;
  PickleArena(const PickleArena&) = delete;
  PickleArena& operator=(const PickleArena&) = delete;

  PickleNode* make(PickleNode node) { return &nodes_.emplace_back(std::move(node)); }
  /// The number of nodes made so far.
  std::size_t size() const { return nodes_.size(); }
  const PickleNode* none();
  const PickleNode* boolean(bool value);
  const PickleNode* integer(std::int64_t value);
  const PickleNode* real(double value) { return make({.kind = Kind::real, .real = value}); }
  const PickleNode* string(std::string value) {
    return make({.kind = Kind::string, .text = std::move(value)});
  }
  const PickleNode* tuple(Nodes items);
  const PickleNode* list(Nodes items) { return make({.kind = Kind::list, .items = std::move(items)}); }
  /// "module name"
  const PickleNode* global(std::string name) { return make({.kind = Kind::global, .text = std::move(name)}); }
  /// callable(*arguments)
  const PickleNode* call(std::string callable, Nodes arguments) {
    return make({.kind = Kind::object, .items = {global(std::move(callable)), tuple(std::move(arguments))}});
  }
  /// An instance of a class made without arguments whose state is set (NEWOBJ, BUILD).
  const PickleNode* instance(std::string class_name, const PickleNode* state) {
    return make({.kind = Kind::object, .items = {global(std::move(class_name)), tuple({}), state}});
  }
  PickleNode* dict(std::initializer_list<std::pair<const char*, const PickleNode*>> pairs = {});
  /// Appends a pair to a dict made here.
  void set(PickleNode* dict, std::string key, const PickleNode* value);

 private:
  std::deque<PickleNode> nodes_;
  const PickleNode* none_ = nullptr;
  const PickleNode* empty_tuple_ = nullptr;
  std::array<const PickleNode*, 2> booleans_{};
  std::array<const PickleNode*, 256> small_integers_{};
};

}  // namespace mhub
