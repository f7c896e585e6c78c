#include "mhub/store/pickle/value.hpp"

#include "mhub/base/error.hpp"

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
    case PickleNode::Kind::real: return "a float";
    case PickleNode::Kind::string: return "a string";
    case PickleNode::Kind::bytes: return "bytes";
    case PickleNode::Kind::list: return "a list";
    case PickleNode::Kind::tuple: return "a tuple";
    case PickleNode::Kind::dict: return "a dict";
    case PickleNode::Kind::set: return "a set";
    case PickleNode::Kind::global: return "the name " + node.text;
    case PickleNode::Kind::object: return "an object of " + node.items[0]->text;
    case PickleNode::Kind::persistent: return "a persistent id";
  }
  return "something unknown";
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

bool PickleNode::as_boolean(const std::string& what) const {
  if (kind != Kind::boolean) mismatch(what, "a bool", *this);
  return integer != 0;
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

PickleNode* PickleArena::make(PickleNode::Kind kind) {
  PickleNode& node = nodes_.emplace_back();
  node.kind = kind;
  return &node;
}

const PickleNode* PickleArena::none() { return make(PickleNode::Kind::none); }

const PickleNode* PickleArena::boolean(bool value) {
  PickleNode* node = make(PickleNode::Kind::boolean);
  node->integer = value ? 1 : 0;
  return node;
}

const PickleNode* PickleArena::integer(std::int64_t value) {
  PickleNode* node = make(PickleNode::Kind::integer);
  node->integer = value;
  return node;
}

const PickleNode* PickleArena::real(double value) {
  PickleNode* node = make(PickleNode::Kind::real);
  node->real = value;
  return node;
}

const PickleNode* PickleArena::string(std::string value) {
  PickleNode* node = make(PickleNode::Kind::string);
  node->text = std::move(value);
  return node;
}

const PickleNode* PickleArena::tuple(std::vector<const PickleNode*> items) {
  PickleNode* node = make(PickleNode::Kind::tuple);
  node->items = std::move(items);
  return node;
}

const PickleNode* PickleArena::list(std::vector<const PickleNode*> items) {
  PickleNode* node = make(PickleNode::Kind::list);
  node->items = std::move(items);
  return node;
}

const PickleNode* PickleArena::global(std::string name) {
  PickleNode* node = make(PickleNode::Kind::global);
  node->text = std::move(name);
  return node;
}

const PickleNode* PickleArena::call(std::string callable, std::vector<const PickleNode*> arguments) {
  PickleNode* node = make(PickleNode::Kind::object);
  node->items = {global(std::move(callable)), tuple(std::move(arguments))};
  return node;
}

const PickleNode* PickleArena::instance(std::string class_name, const PickleNode* state) {
  PickleNode* node = make(PickleNode::Kind::object);
  node->items = {global(std::move(class_name)), tuple({}), state};
  return node;
}

PickleNode* PickleArena::dict() { return make(PickleNode::Kind::dict); }

void PickleArena::set(PickleNode* dict, std::string key, const PickleNode* value) {
  dict->items.push_back(string(std::move(key)));
  dict->items.push_back(value);
}

}  // namespace mhub
