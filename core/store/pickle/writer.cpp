// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <limits>
#include <stdexcept>
#include <unordered_map>

#include "mhub/store/pickle/pickle.hpp"

namespace mhub {
namespace {

using Kind = PickleNode::Kind;

class Writer {
 public:
  std::string out{"\x80\x02"};

  void write(const PickleNode& node, int depth) {
    if (depth > 200) throw std::logic_error("write_pickle: nested too deeply");
    switch (node.kind) {
      case Kind::none: out += 'N'; return;
      case Kind::boolean: out += node.integer != 0 ? '\x88' : '\x89'; return;
      case Kind::integer: integer(node.integer); return;
      case Kind::real: real(node.real); return;
      case Kind::bytes: return bytes(node.text);
      case Kind::big_integer:
        out += '\x8b';
        little(node.text.size(), 4);
        out += node.text;
        return;
      default: break;
    }
    if (node.kind == Kind::string || node.kind == Kind::global) {  // shared by content: names repeat a lot
      std::string key = (node.kind == Kind::global ? 'c' : 'X') + node.text;
      if (const auto it = texts_.find(key); it != texts_.end()) return recall(it->second);
      node.kind == Kind::global ? global(node.text) : string(node.text);
      texts_.emplace(std::move(key), memoize());
      return;
    }
    if (const auto it = nodes_.find(&node); it != nodes_.end()) return recall(it->second);
    container(node, depth + 1);
  }

 private:
  void little(std::uint64_t value, int bytes) {
    for (int k = 0; k < bytes; ++k) out += static_cast<char>(value >> (8 * k));
  }
  void integer(std::int64_t value) {
    if (value >= 0 && value < 256) {
      out += 'K';
      little(static_cast<std::uint64_t>(value), 1);
    } else if (value >= 0 && value < 65536) {
      out += 'M';
      little(static_cast<std::uint64_t>(value), 2);
    } else if (value >= std::numeric_limits<std::int32_t>::min() &&
               value <= std::numeric_limits<std::int32_t>::max()) {
      out += 'J';
      little(static_cast<std::uint64_t>(value), 4);
    } else {
      out += "\x8a\x08";
      little(static_cast<std::uint64_t>(value), 8);
    }
  }
  void real(double value) {
    out += 'G';
    const auto bits = std::bit_cast<std::uint64_t>(value);
    for (int k = 7; k >= 0; --k) out += static_cast<char>(bits >> (8 * k));
  }
  void string(const std::string& text) {
    if (text.size() > 0xffffffff) throw std::logic_error("write_pickle: a string over 4 GiB");
    out += 'X';
    little(text.size(), 4);
    out += text;
  }
  /// Protocol 2 has no bytes: python writes _codecs.encode(text, "latin1").
  void bytes(const std::string& content) {
    std::string text;
    for (const char c : content) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte >= 0x80) text += static_cast<char>(0xc0 | byte >> 6);
      text += static_cast<char>(byte < 0x80 ? byte : 0x80 | (byte & 0x3f));
    }
    global("_codecs encode");
    string(text);
    string("latin1");
    out += "\x86R";
  }
  void global(const std::string& text) {
    const std::size_t space = text.find(' ');
    out += 'c' + text.substr(0, space) + '\n' + text.substr(space + 1) + '\n';
  }
  std::uint32_t memoize() {
    out += next_ < 256 ? 'q' : 'r';
    little(next_, next_ < 256 ? 1 : 4);
    return next_++;
  }
  void recall(std::uint32_t key) {
    out += key < 256 ? 'h' : 'j';
    little(key, key < 256 ? 1 : 4);
  }
  void items(const std::vector<const PickleNode*>& list, char opcode, int depth) {
    if (list.empty()) return;
    out += '(';
    for (const PickleNode* item : list) write(*item, depth);
    out += opcode;
  }
  void container(const PickleNode& node, int depth) {
    switch (node.kind) {
      case Kind::list:
      case Kind::dict:
        out += node.kind == Kind::list ? ']' : '}';
        nodes_.emplace(&node, memoize());
        items(node.items, node.kind == Kind::list ? 'e' : 'u', depth);
        return;
      case Kind::tuple:
        if (node.items.empty()) {
          out += ')';
          return;
        }
        if (node.items.size() > 3) out += '(';
        for (const PickleNode* item : node.items) write(*item, depth);
        out += node.items.size() > 3 ? 't' : static_cast<char>('\x84' + static_cast<char>(node.items.size()));
        nodes_.emplace(&node, memoize());
        return;
      case Kind::object:
        write(*node.items[0], depth);
        write(*node.items[1], depth);
        out += node.items.size() > 2 ? '\x81' : 'R';
        nodes_.emplace(&node, memoize());
        if (node.entries.size() % 2 != 0) throw std::logic_error("write_pickle: an object with list items");
        items(node.entries, 'u', depth);
        if (node.items.size() > 2) {
          write(*node.items[2], depth);
          out += 'b';
        }
        return;
      case Kind::persistent:
        write(*node.items[0], depth);
        out += 'Q';
        return;
      default: throw std::logic_error("write_pickle: " + describe(node) + " cannot be written");
    }
  }

  std::unordered_map<const PickleNode*, std::uint32_t> nodes_;
  std::unordered_map<std::string, std::uint32_t> texts_;
  std::uint32_t next_ = 0;
};

}  // namespace

std::string write_pickle(const PickleNode& root) {
  Writer writer;
  writer.write(root, 0);
  writer.out += '.';
  return std::move(writer.out);
}

}  // namespace mhub
