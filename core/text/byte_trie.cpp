// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/byte_trie.hpp"

#include <algorithm>

#include "mhub/text/work_limit.hpp"

namespace mhub::text {

ByteTrie::ByteTrie(std::vector<std::pair<std::string_view, std::uint32_t>> keys) {
  std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  // Each open node owns the keys [begin, end), which agree on their first `depth` bytes; its own come first.
  struct Open {
    Node node;
    std::size_t begin, end, depth;
  };
  nodes_.emplace_back();
  std::vector<Open> queue{{kRoot, 0, keys.size(), 0}};
  for (std::size_t done = 0; done < queue.size(); ++done) {
    auto [node, begin, end, depth] = queue[done];
    for (; begin < end && keys[begin].first.size() == depth; ++begin) {
      if (node != kRoot) nodes_[node].value = keys[begin].second;
    }
    nodes_[node].first_child = static_cast<std::uint32_t>(nodes_.size());
    while (begin < end) {
      const char byte = keys[begin].first[depth];
      std::size_t same = begin;
      while (same < end && keys[same].first[depth] == byte) ++same;
      const auto made = static_cast<Node>(nodes_.size());
      nodes_.emplace_back().byte = byte;
      ++nodes_[node].children;
      if (node == kRoot) root_children_[static_cast<unsigned char>(byte)] = made;
      queue.push_back({made, begin, same, depth + 1});
      begin = same;
    }
  }
}

std::optional<ByteTrie::Node> ByteTrie::child(Node node, char byte) const {
  const auto code = static_cast<unsigned char>(byte);
  if (node == kRoot) return root_children_[code] != 0 ? std::optional(root_children_[code]) : std::nullopt;
  const NodeData& data = nodes_[node];
  const auto first = nodes_.begin() + data.first_child;
  const auto last = first + data.children;
  const auto it = std::lower_bound(first, last, code, [](const NodeData& n, unsigned char b) {
    return static_cast<unsigned char>(n.byte) < b;
  });
  return it != last && it->byte == byte ? std::optional(static_cast<Node>(it - nodes_.begin()))
                                        : std::nullopt;
}

std::optional<ByteTrie::Match> ByteTrie::longest_prefix(std::string_view text, Node from) const {
  std::optional<Match> longest;
  Node node = from;
  std::size_t depth = 0;
  for (; depth < text.size(); ++depth) {
    const auto next = child(node, text[depth]);
    if (!next) break;
    node = *next;
    if (value(node) != kNoValue) longest = {depth + 1, value(node)};
  }
  if (depth > kLongWalk) WorkLimit::gone(depth);
  return longest;
}

}  // namespace mhub::text
