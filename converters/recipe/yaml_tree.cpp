// SPDX-License-Identifier: Apache-2.0
#include "yaml_tree.hpp"

#include <algorithm>
#include <map>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

namespace mhub::converters {
namespace {

constexpr std::uint64_t kLargestFile = 16 << 20;
/// Of a document with its aliases followed: ten aliases of ten aliases of ... take no memory, but all time.
constexpr std::size_t kMostNodes = 200'000;
/// Of a map, whose keys are looked for one by one.
constexpr std::size_t kMostKeys = 4096;

/// Makes a tree of yaml-cpp's events: its own nodes forget the places of keys, and it knows no merge keys.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::shared_ptr<const std::string> file) : file_(std::move(file)) {}

  YamlPointer root() const { return root_; }
  const Place& last_scalar() const { return last_scalar_; }
  Place place(const YAML::Mark& mark) const {
    // An empty file has no mark: -1.
    return {file_, std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (root_ != nullptr)
      fail_at(place(mark), "a second YAML document; the conversions of one recipe stand in its list");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(begin(YamlNode::Kind::null, mark, "", anchor));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const auto node = begin(YamlNode::Kind::scalar, mark, tag, anchor);
    // The system's calls would see no more than what stands before it.
    if (value.find('\0') != value.npos) fail_at(node->place, "expected text, found a NUL character in it");
    node->text = value;
    last_scalar_ = node->place;
    add(node);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    const bool open =
        found == anchors_.end() ||
        std::any_of(open_.begin(), open_.end(), [&](const Open& one) { return one.node == found->second; });
    if (open) fail_at(place(mark), "an alias of what it stands in; write the value out");
    alias_ = place(mark);
    add(found->second);
    alias_.reset();
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open_.push_back({begin(YamlNode::Kind::list, mark, tag, anchor), {}});
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open_.push_back({begin(YamlNode::Kind::map, mark, tag, anchor), {}});
  }
  void OnMapEnd() override {
    merge(*open_.back().node);
    close();
  }

 private:
  using Node = std::shared_ptr<YamlNode>;
  struct Open {
    Node node;
    Node key;  ///< of a map: the key whose value is awaited
  };

  Node begin(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    // "?" and "!" are yaml-cpp's for plain and quoted scalars.
    const bool known = tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:");
    if (!known) fail_at(place(mark), "the tag " + tag + " has no meaning in a recipe; leave it out");
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->place = place(mark);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    return node;
  }
  void close() {
    const Node node = open_.back().node;
    open_.pop_back();
    add(node);
  }
  void add(const Node& node) {
    if (open_.empty()) {
      root_ = node;
      return;
    }
    auto& [parent, key] = open_.back();
    if (parent->kind == YamlNode::Kind::map && key == nullptr) {
      if (node->kind != YamlNode::Kind::scalar)
        fail_at(node->place, "expected a key, found " + node->found() + "; keys are plain words");
      if (parent->find(node->text) != nullptr)
        fail_at(node->place, "key \"" + node->text + "\" is there twice; leave one out");
      if (parent->pairs.size() == kMostKeys)
        fail_at(node->place, "more than " + std::to_string(kMostKeys) + " keys in one map");
      key = node;
      return;
    }
    if (parent->kind == YamlNode::Kind::map) {
      // yaml-cpp notices that a value is missing where the next thing stands.
      if (node->kind == YamlNode::Kind::null && node->place.line != key->place.line) node->place = key->place;
      parent->pairs.push_back({key->text, key->place, node});
      key = nullptr;
    } else {
      parent->items.push_back(node);
    }
    count(*parent, *node);
  }
  void count(YamlNode& parent, const YamlNode& child) const {
    parent.size += child.size;
    if (parent.size > kMostNodes)
      fail_at(alias_.value_or(child.place), "more than " + std::to_string(kMostNodes) +
                                                " values with aliases followed; no recipe needs so many");
  }

  /// A merge key (yaml.org/type/merge.html): what is said here goes first, then earlier maps of a list.
  void merge(YamlNode& map) const {
    const auto at = std::find_if(map.pairs.begin(), map.pairs.end(),
                                 [](const YamlPair& pair) { return pair.key == "<<"; });
    if (at == map.pairs.end()) return;
    const YamlPointer value = at->value;
    map.pairs.erase(at);
    std::vector<YamlPointer> maps{value};
    if (value->kind == YamlNode::Kind::list) maps = value->items;
    for (const YamlPointer& one : maps) {
      if (one->kind != YamlNode::Kind::map)
        fail_at(one->place, "<<: expected a map or a list of maps, found " + one->found() +
                                "; merge what an anchor of a map names: <<: *name");
      for (const YamlPair& pair : one->pairs) {
        if (map.find(pair.key) == nullptr) map.pairs.push_back(pair);
      }
    }
  }

  std::shared_ptr<const std::string> file_;
  Node root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::optional<Place> alias_;
  Place last_scalar_;
};

/// yaml-cpp 0.7 takes the end of the file for the end of a quote. The end of a document may not stand in one.
bool ends_in_quote(const std::string& text) {
  if (text.find('\0') != text.npos) return false;  // UTF-16
  std::istringstream stream(text + "\n...\n");
  YAML::Parser parser(stream);
  TreeBuilder again(nullptr);
  try {
    parser.HandleNextDocument(again);
  } catch (const YAML::Exception&) {
    return true;
  }
  return false;
}

}  // namespace

std::string Place::text() const {
  return (file ? *file : std::string("recipe")) + ":" + std::to_string(line) + ":" + std::to_string(column);
}

void fail_at(const Place& place, const std::string& what) { throw InputError(place.text() + ": " + what); }

const YamlPair* YamlNode::find(std::string_view key) const {
  const auto found =
      std::find_if(pairs.begin(), pairs.end(), [&](const YamlPair& pair) { return pair.key == key; });
  return found == pairs.end() ? nullptr : &*found;
}

std::string YamlNode::found() const {
  switch (kind) {
    case Kind::null: return "nothing";
    case Kind::list: return "a list";
    case Kind::map: return "a map";
    case Kind::scalar: break;
  }
  return "\"" + text + "\"";
}

YamlPointer make_scalar(std::string text, const Place& place) {
  auto node = std::make_shared<YamlNode>();
  node->kind = YamlNode::Kind::scalar;
  node->place = place;
  node->text = std::move(text);
  return node;
}

YamlPointer make_map(std::vector<YamlPair> pairs, const Place& place) {
  auto node = std::make_shared<YamlNode>();
  node->kind = YamlNode::Kind::map;
  node->place = place;
  node->pairs = std::move(pairs);
  return node;
}

YamlPointer read_yaml(const std::string& path) {
  const std::string text = read_file(path, kLargestFile);
  std::istringstream stream(text);
  TreeBuilder builder(std::make_shared<const std::string>(path));
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    fail_at(builder.place(error.mark), "not valid YAML: " + error.msg);
  }
  if (builder.root() != nullptr) {
    if (ends_in_quote(text))
      fail_at(builder.last_scalar(), "not valid YAML: the quote that begins here is not closed");
    return builder.root();
  }
  auto nothing = std::make_shared<YamlNode>();
  nothing->place = builder.place(YAML::Mark::null_mark());
  return nothing;
}

}  // namespace mhub::converters
