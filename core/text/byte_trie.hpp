// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace mhub::text {

/// A set of byte strings, each with a number, to be walked byte by byte. Immutable.
class ByteTrie {
 public:
  using Node = std::uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr std::uint32_t kNoValue = 0xFFFFFFFF;
  /// Walks of more bytes than keys of real tokenizers have count as work (WorkLimit).
  static constexpr std::size_t kLongWalk = 64;

  ByteTrie() : ByteTrie(std::vector<std::pair<std::string_view, std::uint32_t>>()) {}
  /// Of equal keys the last value counts. Empty keys are left out.
  explicit ByteTrie(std::vector<std::pair<std::string_view, std::uint32_t>> keys);

  /// Whether a key begins with this byte; quick.
  bool begins_with(char byte) const { return root_children_[static_cast<unsigned char>(byte)] != 0; }
  std::optional<Node> child(Node node, char byte) const;
  /// kNoValue where no key ends.
  std::uint32_t value(Node node) const { return nodes_[node].value; }

  struct Match {
    std::size_t length;
    std::uint32_t value;
  };
  /// The longest key that `text` begins with, walking from `from`.
  std::optional<Match> longest_prefix(std::string_view text, Node from = kRoot) const;

 private:
  struct NodeData {
    std::uint32_t value = kNoValue;
    std::uint32_t first_child = 0;  ///< children are consecutive nodes, ascending by byte
    std::uint16_t children = 0;
    char byte = 0;  ///< on the edge that leads here
  };
  std::vector<NodeData> nodes_;
  std::array<Node, 256> root_children_{};  ///< 0 where there is none
};

}  // namespace mhub::text
