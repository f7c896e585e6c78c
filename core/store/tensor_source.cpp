// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/tensor_source.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "mhub/base/error.hpp"

namespace mhub {

namespace {

bool by_name(const StoredTensor& a, const StoredTensor& b) { return a.name < b.name; }

/// Numbers are sorted, then each tensor moves once: a large model has 100,000.
std::vector<StoredTensor> sorted(std::vector<StoredTensor> tensors) {
  if (std::is_sorted(tensors.begin(), tensors.end(), by_name)) return tensors;
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return by_name(tensors[a], tensors[b]); });
  std::vector<StoredTensor> result;
  result.reserve(tensors.size());
  for (const std::size_t k : order) result.push_back(std::move(tensors[k]));
  return result;
}

}  // namespace

TensorSource::TensorSource(std::vector<StoredTensor> tensors) : tensors_(sorted(std::move(tensors))) {
  const auto twin =
      std::adjacent_find(tensors_.begin(), tensors_.end(),
                         [](const StoredTensor& a, const StoredTensor& b) { return a.name == b.name; });
  if (twin == tensors_.end()) return;
  throw InputError(twin->file("?") + ": tensor " + twin->name + " is stored twice (again in " +
                   (twin + 1)->file("?") + ")");
}

const StoredTensor* TensorSource::find(std::string_view name) const {
  const auto it = std::lower_bound(tensors_.begin(), tensors_.end(), name,
                                   [](const StoredTensor& t, std::string_view n) { return t.name < n; });
  return it != tensors_.end() && it->name == name ? &*it : nullptr;
}

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
