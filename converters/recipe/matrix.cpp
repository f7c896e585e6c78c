// SPDX-License-Identifier: Apache-2.0
#include "matrix.hpp"

#include <algorithm>

#include "keys.hpp"
#include "mhub/base/error.hpp"
#include "recipe_file.hpp"
#include "steps.hpp"

namespace mhub::converters {
namespace {

constexpr std::size_t kMostCombinations = 10'000;

void require_map(const YamlNode& node, const std::string& of) {
  if (node.kind != YamlNode::Kind::map || node.pairs.empty())
    fail_at(node.place, "matrix: " + of + ": expected a map of keys and values, found " +
                            (node.kind == YamlNode::Kind::map ? "an empty one" : node.found()));
}

void require_text(const YamlPair& pair) {
  if (pair.value->kind != YamlNode::Kind::scalar)
    fail_at(pair.value->place, "matrix: " + pair.key + ": expected a string, found " + pair.value->found());
}

/// "tp2" of a number, whose value alone says nothing; else the value.
std::string label_of(const std::string& key, const std::string& value) {
  const ConvertKey* known = find_convert_key(key);
  const bool bare = known != nullptr && known->kind != KeyKind::text && known->kind != KeyKind::path;
  return name_part(bare ? key + value : value);
}

void append_label(std::string& label, const std::string& part) {
  if (!part.empty()) label += (label.empty() ? "" : "-") + part;
}

void add_pair(Combination& to, YamlPair pair) {
  pair.key = short_name(pair.key);
  if (pair.key == "matrix" || pair.key == "sources" || pair.key == "name")
    fail_at(pair.place, "matrix: " + pair.key + " has no place in a matrix; move it beside it");
  auto& pairs = is_entry_key(pair.key) ? to.keys : to.variables;
  for (const YamlPair& other : pairs) {
    if (other.key == pair.key && to.conflict.empty())
      to.conflict = pair.place.text() + ": matrix: " + pair.key + " has a value in " + other.place.text() +
                    " already; let one part of the matrix say it";
  }
  pairs.push_back(std::move(pair));
}

/// A value that is a map: its pairs and what it is called.
void add_map(Combination& to, const std::string& axis, const YamlNode& map) {
  std::string label;
  const YamlPair* name = map.find("name");
  for (const YamlPair& pair : map.pairs) {
    if (&pair == name) continue;
    if (find_step(pair.key) == nullptr) require_text(pair);
    add_pair(to, pair);
    if (name == nullptr && pair.value->kind == YamlNode::Kind::scalar)
      append_label(label, label_of(std::string(short_name(pair.key)), pair.value->text));
  }
  if (name != nullptr) {
    require_text(*name);
    label = name_part(name->value->text);
  }
  append_label(to.label, label);
  if (!axis.empty() && !is_entry_key(axis)) {
    to.labels.push_back(
        {axis, map.place, make_scalar(name != nullptr ? name->value->text : label, map.place)});
  }
}

void add_value(Combination& to, const YamlPair& axis, const YamlPointer& value) {
  if (value->kind == YamlNode::Kind::map) {
    require_map(*value, axis.key);
    return add_map(to, std::string(short_name(axis.key)), *value);
  }
  require_text({axis.key, axis.place, value});
  add_pair(to, {axis.key, axis.place, value});
  append_label(to.label, label_of(std::string(short_name(axis.key)), value->text));
}

bool has(const Combination& one, const YamlPair& wanted) {
  for (const auto* pairs : {&one.keys, &one.variables, &one.labels}) {
    for (const YamlPair& pair : *pairs) {
      if (pair.key == short_name(wanted.key) && pair.value->kind == YamlNode::Kind::scalar &&
          pair.value->text == wanted.value->text)
        return true;
    }
  }
  return false;
}

/// The maps of exclude or include.
std::vector<YamlPointer> maps_of(const YamlPair& pair) {
  if (pair.value->kind != YamlNode::Kind::list)
    fail_at(pair.value->place,
            "matrix: " + pair.key + ": expected a list of maps, found " + pair.value->found());
  for (const YamlPointer& one : pair.value->items) require_map(*one, pair.key);
  return pair.value->items;
}

void exclude(const YamlPair& pair, std::vector<Combination>& combinations) {
  for (const YamlPointer& map : maps_of(pair)) {
    for (const YamlPair& one : map->pairs) require_text(one);
    const auto excluded = [&](const Combination& one) {
      return std::all_of(map->pairs.begin(), map->pairs.end(),
                         [&](const YamlPair& wanted) { return has(one, wanted); });
    };
    if (std::erase_if(combinations, excluded) == 0)
      fail_at(map->place, "matrix: exclude: no combination has these values; write them as the matrix does");
  }
}

}  // namespace

std::string name_part(const std::string& text) {
  std::string part = text;
  for (char& c : part) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '+' || c == '-';
    if (!plain) c = '-';
  }
  // What begins with a dash looks like an option, with a dot it hides.
  const std::size_t begin = part.find_first_not_of("-.");
  return begin == part.npos ? "" : part.substr(begin);
}

std::vector<Combination> expand_matrix(const YamlPair& matrix) {
  require_map(*matrix.value, "the matrix");
  std::vector<Combination> combinations(1);
  bool axes = false;
  for (const YamlPair& axis : matrix.value->pairs) {
    if (axis.key == "exclude" || axis.key == "include") continue;
    if (axis.value->kind != YamlNode::Kind::list || axis.value->items.empty())
      fail_at(axis.value->place,
              "matrix: " + axis.key + ": expected a list of values, found " +
                  (axis.value->kind == YamlNode::Kind::list ? "an empty one" : axis.value->found()));
    axes = true;
    if (combinations.size() * axis.value->items.size() > kMostCombinations)
      fail_at(axis.place, "matrix: more than " + std::to_string(kMostCombinations) +
                              " combinations; make it several recipes");
    std::vector<Combination> longer;
    for (const Combination& one : combinations) {
      for (const YamlPointer& value : axis.value->items) {
        longer.push_back(one);
        add_value(longer.back(), axis, value);
      }
    }
    combinations = std::move(longer);
  }
  if (!axes) combinations.clear();
  if (const YamlPair* pair = matrix.value->find("exclude")) exclude(*pair, combinations);
  if (const YamlPair* pair = matrix.value->find("include")) {
    for (const YamlPointer& map : maps_of(*pair)) add_map(combinations.emplace_back(), "", *map);
  }
  for (const Combination& one : combinations) {
    if (!one.conflict.empty()) throw InputError(one.conflict);
  }
  if (combinations.empty()) fail_at(matrix.value->place, "matrix: no combination is left; exclude fewer");
  return combinations;
}

}  // namespace mhub::converters
