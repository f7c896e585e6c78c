// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/tensor_source.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <span>

#include "mhub/base/error.hpp"

namespace mhub {

namespace {

std::string_view name_of(const StoredTensor& tensor) { return tensor.name; }

/// A tensor's number, and the part of its name that is looked at.
struct Keyed {
  std::uint64_t part = 0;
  std::uint32_t number = 0;
};
constexpr std::size_t kPart = sizeof(std::uint64_t);

/// Eight bytes of a name, ordered as numbers as they are as bytes; zeros behind its end.
std::uint64_t part_at(std::string_view name, std::size_t depth) {
  std::array<unsigned char, kPart> bytes{};
  if (depth < name.size())
    std::memcpy(bytes.data(), name.data() + depth, std::min(kPart, name.size() - depth));
  std::uint64_t part = 0;
  for (const unsigned char byte : bytes) part = part << 8 | byte;
  return part;
}

/// Sorts numbers of tensors whose names agree up to `depth`. Names of a model share long beginnings: eight
/// bytes at a time are compared, and only those that agree there are looked at again.
void sort_by_name(std::span<Keyed> some, std::size_t depth, const std::vector<StoredTensor>& tensors) {
  const auto name = [&](const Keyed& one) { return name_of(tensors[one.number]); };
  std::size_t longest = 0;
  for (const Keyed& one : some) longest = std::max(longest, name(one).size());
  bool same = true;
  for (; same && depth < longest; depth += kPart) {
    for (Keyed& one : some) one.part = part_at(name(one), depth);
    same = std::all_of(some.begin(), some.end(), [&](const Keyed& one) { return one.part == some[0].part; });
  }
  // Behind the end of all only lengths are left: a zero there may be a name's own.
  std::sort(some.begin(), some.end(), [&](const Keyed& a, const Keyed& b) {
    return a.part != b.part || depth < longest ? a.part < b.part : name(a).size() < name(b).size();
  });
  if (same || depth >= longest) return;
  for (std::size_t from = 0, to = 0; from < some.size(); from = to) {
    while (to < some.size() && some[to].part == some[from].part) ++to;
    if (to - from > 1) sort_by_name(some.subspan(from, to - from), depth, tensors);
  }
}

/// Numbers are sorted, then each tensor moves once: a large model has 100,000.
std::vector<StoredTensor> sorted(std::vector<StoredTensor> tensors) {
  const auto by_name = [](const StoredTensor& a, const StoredTensor& b) { return a.name < b.name; };
  if (std::is_sorted(tensors.begin(), tensors.end(), by_name)) return tensors;
  std::vector<Keyed> order(tensors.size());
  for (std::size_t k = 0; k < order.size(); ++k) order[k].number = static_cast<std::uint32_t>(k);
  sort_by_name(order, 0, tensors);
  std::vector<StoredTensor> result;
  result.reserve(tensors.size());
  for (const Keyed& one : order) result.push_back(std::move(tensors[one.number]));
  return result;
}

}  // namespace

TensorSource::TensorSource(std::vector<StoredTensor> tensors)
    : tensors_(sorted(std::move(tensors))), names_(tensors_.size()) {
  for (std::size_t k = 0; k < tensors_.size(); ++k) {
    const StoredTensor& tensor = tensors_[k];
    const std::uint32_t twin = names_.add(tensor.name, static_cast<std::uint32_t>(k),
                                          [&](std::uint32_t n) { return name_of(tensors_[n]); });
    if (twin != NameIndex::kNone)
      throw InputError(tensors_[twin].file("?") + ": tensor " + tensor.name + " is stored twice (again in " +
                       tensor.file("?") + ")");
  }
}

const StoredTensor* TensorSource::find(std::string_view name) const {
  const std::uint32_t at = names_.find(name, [&](std::uint32_t n) { return name_of(tensors_[n]); });
  return at == NameIndex::kNone ? nullptr : &tensors_[at];
}

std::vector<StoredTensor> TensorSource::take() && { return std::move(tensors_); }

std::string fingerprint(const std::vector<const StoredTensor*>& tensors) {
  std::set<const ByteSource*> files;
  for (const StoredTensor* tensor : tensors) {
    for (const StoredChunk& chunk : tensor->chunks) files.insert(chunk.bytes.get());
  }
  std::set<std::string> contents;  // by content: a path may be spelled in many ways
  for (const ByteSource* file : files) contents.insert(file->fingerprint());
  std::string text;
  for (const std::string& content : contents) text += content + "\n";
  return text;
}

}  // namespace mhub
