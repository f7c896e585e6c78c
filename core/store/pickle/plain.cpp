// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/pickle/plain.hpp"

#include <bit>
#include <cmath>
#include <optional>

#include "mhub/base/utf8.hpp"

namespace mhub {
namespace {

using Kind = PickleNode::Kind;

constexpr int kDeepest = 8;
/// Values in all: shared nodes make a tree that is larger than its pickle.
constexpr std::size_t kMost = 1 << 20;

/// Stands for a value without a plain form: whoever asks for the key finds another type than it wants.
nlohmann::json opaque(const PickleNode& node) { return {{"python", describe(node)}}; }

/// Bytes as protocol 2 has them, _codecs.encode(text, "latin1"), or as later ones do.
std::string bytes_of(const PickleNode& node) {
  if (node.is(Kind::bytes)) return node.text;
  std::string bytes;
  if (!node.is_object("_codecs encode") || node.items[1]->items.empty()) return bytes;
  const PickleNode& text = *node.items[1]->items[0];
  if (!text.is(Kind::string) || !is_utf8(text.text)) return bytes;
  for (std::size_t at = 0; at < text.text.size();) bytes += static_cast<char>(next_character(text.text, at));
  return bytes;
}

/// The number that numpy pickles as scalar(dtype(code, ...), bytes), where dtype's state begins with a
/// version and the order of bytes (numpy/core/src/multiarray/descriptor.c, arraydescr_reduce).
std::optional<nlohmann::json> numpy_number(const PickleNode& node) {
  if (!node.is_object("numpy.core.multiarray scalar") && !node.is_object("numpy._core.multiarray scalar"))
    return std::nullopt;
  const auto& arguments = node.items[1]->items;
  if (arguments.size() != 2 || !arguments[0]->is_object("numpy dtype")) return std::nullopt;
  const PickleNode& dtype = *arguments[0];
  const bool stated = dtype.items.size() == 3 && dtype.items[2]->is(Kind::tuple);
  if (dtype.items[1]->items.empty() ||
      (stated && dtype.items[2]->items.size() > 1 && dtype.items[2]->items[1]->text == ">"))
    return std::nullopt;
  const std::string code = dtype.items[1]->items[0]->text, bytes = bytes_of(*arguments[1]);
  std::uint64_t bits = 0;
  if (code.size() != 2 || bytes.empty() || bytes.size() > sizeof bits ||
      bytes.size() + '0' != std::size_t(code[1]))
    return std::nullopt;
  for (std::size_t k = bytes.size(); k-- > 0;) bits = bits << 8 | static_cast<unsigned char>(bytes[k]);
  const auto unused = static_cast<unsigned>(64 - 8 * bytes.size());
  switch (code[0]) {
    case 'b': return nlohmann::json(bits != 0);
    case 'i': return nlohmann::json(static_cast<std::int64_t>(bits << unused) >> unused);
    case 'u': return nlohmann::json(bits);
    case 'f': break;
    default: return std::nullopt;
  }
  const double real = code[1] == '8'   ? std::bit_cast<double>(bits)
                      : code[1] == '4' ? std::bit_cast<float>(static_cast<std::uint32_t>(bits))
                                       : std::nan("");
  if (!std::isfinite(real)) return std::nullopt;
  return nlohmann::json(real);
}

/// A value as JSON; `discarded` where there are too many.
nlohmann::json value_json(const PickleNode& node, int depth, std::size_t& count) {
  const nlohmann::json nothing(nlohmann::json::value_t::discarded);
  if (++count > kMost || depth > kDeepest) return nothing;
  switch (node.kind) {
    case Kind::none: return nullptr;
    case Kind::boolean: return node.integer != 0;
    case Kind::integer: return node.integer;
    case Kind::real: return std::isfinite(node.real) ? nlohmann::json(node.real) : opaque(node);
    case Kind::string: return node.text;
    case Kind::global: return node.text.starts_with("torch ") ? nlohmann::json(node.text) : opaque(node);
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
    default: return numpy_number(node).value_or(opaque(node));
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
