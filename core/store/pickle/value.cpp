// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/pickle/value.hpp"

#include <unordered_set>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"

namespace mhub {
namespace {

const PickleNode* find_pair(const std::vector<const PickleNode*>& pairs, std::string_view key) {
  for (std::size_t k = 0; k + 1 < pairs.size(); k += 2) {
    if (pairs[k]->is(PickleNode::Kind::string) && pairs[k]->text == key) return pairs[k + 1];
  }
  return nullptr;
}

[[noreturn]] void mismatch(const std::string& what, const char* expected, const PickleNode& found) {
  throw InputError(what + ": expected " + expected + ", found " + describe(found));
}

}  // namespace

std::string describe(const PickleNode& node) {
  switch (node.kind) {
    case PickleNode::Kind::none: return "None";
    case PickleNode::Kind::boolean: return "a bool";
    case PickleNode::Kind::integer: return "an int";
    case PickleNode::Kind::big_integer: return "an int over 64 bits";
    case PickleNode::Kind::real: return "a float";
    case PickleNode::Kind::string: return "a string";
    case PickleNode::Kind::bytes: return "bytes";
    case PickleNode::Kind::list: return "a list";
    case PickleNode::Kind::tuple: return "a tuple";
    case PickleNode::Kind::dict: return "a dict";
    case PickleNode::Kind::set: return "a set";
    case PickleNode::Kind::global: return "the name " + printable(node.text);
    case PickleNode::Kind::object: return "an object of " + printable(node.items[0]->text);
    case PickleNode::Kind::persistent: return "a persistent id";
  }
  return "something unknown";
}

std::string printable(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  std::string out(text.substr(0, kLongest));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text.size() > kLongest ? out + "..." : out;
}

bool PickleNode::is_object(std::string_view callable) const {
  return kind == Kind::object && items[0]->is_global(callable);
}

const PickleNode* PickleNode::find(std::string_view key) const {
  if (kind == Kind::dict) return find_pair(items, key);
  if (kind != Kind::object) return nullptr;
  if (const PickleNode* entry = find_pair(entries, key)) return entry;
  return items.size() > 2 && items[2]->is(Kind::dict) ? find_pair(items[2]->items, key) : nullptr;
}

std::int64_t PickleNode::as_integer(const std::string& what) const {
  if (kind != Kind::integer) mismatch(what, "an int", *this);
  return integer;
}

const std::string& PickleNode::as_string(const std::string& what) const {
  if (kind != Kind::string) mismatch(what, "a string", *this);
  return text;
}

const std::vector<const PickleNode*>& PickleNode::as_sequence(const std::string& what) const {
  if (kind == Kind::list || kind == Kind::tuple) return items;
  if (is_object("torch Size") && items[1]->items.size() == 1 && items[1]->items[0]->is(Kind::tuple)) {
    return items[1]->items[0]->items;
  }
  mismatch(what, "a list or tuple", *this);
}

const std::vector<const PickleNode*>& PickleNode::as_pairs(const std::string& what) const {
  if (kind == Kind::dict) return items;
  if (is_object("collections OrderedDict")) return entries;
  mismatch(what, "a dict", *this);
}

std::vector<std::pair<std::string_view, const PickleNode*>> PickleNode::as_named(
    const std::string& what) const {
  const auto& pairs = as_pairs(what);
  std::vector<std::pair<std::string_view, const PickleNode*>> named;
  std::unordered_set<std::string_view> seen;
  for (std::size_t k = 0; k + 1 < pairs.size(); k += 2) {
    if (!pairs[k]->is(Kind::string)) mismatch(what + ": key", "a string", *pairs[k]);
    const std::string_view key = pairs[k]->text;
    if (!is_utf8(key)) throw InputError(what + ": key " + printable(key) + " is not valid UTF-8");
    if (!seen.insert(key).second) throw InputError(what + ": key " + printable(key) + " is there twice");
    named.emplace_back(key, pairs[k + 1]);
  }
  return named;
}

const PickleNode* PickleArena::none() {
  if (none_ == nullptr) none_ = make({});
  return none_;
}

const PickleNode* PickleArena::boolean(bool value) {
  const PickleNode*& shared = booleans_[value ? 1 : 0];
  if (shared == nullptr) shared = make({.kind = Kind::boolean, .integer = value ? 1 : 0});
  return shared;
}

const PickleNode* PickleArena::integer(std::int64_t value) {
  const PickleNode* unshared = nullptr;
  const bool small = value >= 0 && value < static_cast<std::int64_t>(small_integers_.size());
  const PickleNode*& node = small ? small_integers_[static_cast<std::size_t>(value)] : unshared;
  if (node == nullptr) node = make({.kind = Kind::integer, .integer = value});
  return node;
}

const PickleNode* PickleArena::tuple(Nodes items) {
  if (!items.empty()) return make({.kind = Kind::tuple, .items = std::move(items)});
  if (empty_tuple_ == nullptr) empty_tuple_ = make({.kind = Kind::tuple});
  return empty_tuple_;
}

PickleNode* PickleArena::dict(std::initializer_list<std::pair<const char*, const PickleNode*>> pairs) {
  PickleNode* dict = make({.kind = Kind::dict});
  for (const auto& [key, value] : pairs) set(dict, key, value);
  return dict;
}

void PickleArena::set(PickleNode* dict, std::string key, const PickleNode* value) {
  dict->items.push_back(string(std::move(key)));
  dict->items.push_back(value);
}

}  // namespace mhub
