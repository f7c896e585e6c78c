// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mhub::converters {

/// Where something stands in a file; lines and columns count from 1.
struct Place {
  std::shared_ptr<const std::string> file;
  int line = 1, column = 1;

  /// "recipe.yaml:3:5"
  std::string text() const;
};

/// Throws InputError "file:line:column: what".
[[noreturn]] void fail_at(const Place& place, const std::string& what);

struct YamlNode;
using YamlPointer = std::shared_ptr<const YamlNode>;

/// One key of a map and its value.
struct YamlPair {
  std::string key;
  Place place;  ///< of the key
  YamlPointer value;
};

/// A YAML document as a tree in which every node knows its place. Anchors are resolved (nodes are shared),
/// merge keys (`<<`) are done: merged pairs keep the place where they are written.
struct YamlNode {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  Place place;
  std::string text;                ///< of a scalar
  std::vector<YamlPointer> items;  ///< of a list
  std::vector<YamlPair> pairs;     ///< of a map, in the order of the file; no key twice
  std::size_t size = 1;            ///< nodes of this tree, shared ones as often as they are used

  const YamlPair* find(std::string_view key) const;
  /// "a list", "nothing", "\"text\"": what an error found.
  std::string found() const;
};

/// A scalar that stands in no tree: a --set value.
YamlPointer make_scalar(std::string text, const Place& place);
/// A map of pairs that come from several places.
YamlPointer make_map(std::vector<YamlPair> pairs, const Place& place);

/// Reads the one document of a file. Refuses, with InputError that names the place: what is no YAML, a second
/// document, keys that are no scalars or are there twice, tags but YAML's own, aliases of what they stand in,
/// and aliases that make more nodes of a file than a recipe ever has.
YamlPointer read_yaml(const std::string& path);

}  // namespace mhub::converters
