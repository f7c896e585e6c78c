// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/tensor_source.hpp"

#include <algorithm>
#include <set>

#include "mhub/base/error.hpp"

namespace mhub {

TensorSource::TensorSource(std::vector<StoredTensor> tensors) : tensors_(std::move(tensors)) {
  std::sort(tensors_.begin(), tensors_.end(),
            [](const StoredTensor& a, const StoredTensor& b) { return a.name < b.name; });
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
