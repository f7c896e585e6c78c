// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/pickle/plain.hpp"

#include <cmath>

namespace mhub {
namespace {

using Kind = PickleNode::Kind;

constexpr int kDeepest = 8;
/// Values in all: shared nodes make a tree that is larger than its pickle.
constexpr std::size_t kMost = 1 << 20;

/// A value as JSON; `discarded` where it has no plain form or there are too many.
nlohmann::json value_json(const PickleNode& node, int depth, std::size_t& count) {
  const nlohmann::json nothing(nlohmann::json::value_t::discarded);
  if (++count > kMost || depth > kDeepest) return nothing;
  switch (node.kind) {
    case Kind::none: return nullptr;
    case Kind::boolean: return node.integer != 0;
    case Kind::integer: return node.integer;
    case Kind::real: return std::isfinite(node.real) ? nlohmann::json(node.real) : nothing;
    case Kind::string: return node.text;
    case Kind::global: return node.text.starts_with("torch ") ? nlohmann::json(node.text) : nothing;
    case Kind::list:
    case Kind::tuple: {
      nlohmann::json list = nlohmann::json::array();
      for (const PickleNode* item : node.items) {
        nlohmann::json one = value_json(*item, depth + 1, count);
        if (one.is_discarded()) return nothing;
        list.push_back(std::move(one));
      }
      return list;
    }
    case Kind::dict: {
      nlohmann::json object = nlohmann::json::object();
      for (std::size_t k = 0; k + 1 < node.items.size(); k += 2) {
        if (!node.items[k]->is(Kind::string)) continue;
        nlohmann::json one = value_json(*node.items[k + 1], depth + 1, count);
        if (!one.is_discarded()) object[node.items[k]->text] = std::move(one);
      }
      return object;
    }
    default: return nothing;
  }
}

}  // namespace

nlohmann::json plain_json(const PickleNode& node) {
  const PickleNode* dict = &node;
  if (node.is(Kind::object) && node.items.size() > 2) dict = node.items[2];
  std::size_t count = 0;
  nlohmann::json json = dict->is(Kind::dict) ? value_json(*dict, 0, count) : nlohmann::json();
  return json.is_object() ? json : nlohmann::json::object();
}

const PickleNode* pickle_of(PickleArena& arena, const nlohmann::json& value) {
  switch (value.type()) {
    case nlohmann::json::value_t::boolean: return arena.boolean(value.get<bool>());
    case nlohmann::json::value_t::number_integer:
    case nlohmann::json::value_t::number_unsigned: return arena.integer(value.get<std::int64_t>());
    case nlohmann::json::value_t::number_float: return arena.real(value.get<double>());
    case nlohmann::json::value_t::string: return arena.string(value.get<std::string>());
    case nlohmann::json::value_t::array: {
      std::vector<const PickleNode*> items;
      for (const nlohmann::json& one : value) items.push_back(pickle_of(arena, one));
      return arena.list(std::move(items));
    }
    case nlohmann::json::value_t::object: {
      PickleNode* dict = arena.dict();
      for (const auto& one : value.items()) arena.set(dict, one.key(), pickle_of(arena, one.value()));
      return dict;
    }
    default: return arena.none();
  }
}

}  // namespace mhub
