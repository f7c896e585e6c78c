// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "mhub/base/name_index.hpp"

namespace mhub {

/// What an index of weights (model.safetensors.index.json, "weight_map") says: which file of the same folder
/// has which tensor. The largest models have 150,000 tensors, so it is taken apart while it is parsed.
class WeightMap {
 public:
  struct Entry {
    std::string_view tensor;
    std::uint32_t file = 0;  ///< number in files()
  };

  /// Reads the text of an index; `path` names it in messages. Throws InputError for what is no JSON, has
  /// another form, says a thing twice, or names anything but plain file names.
  WeightMap(std::string text, const std::string& path);

  /// Sorted.
  const std::vector<std::string>& files() const { return files_; }
  /// As the index has them.
  const std::vector<Entry>& tensors() const { return tensors_; }
  /// Whether it lists the tensor for this file.
  bool lists(std::string_view tensor, std::size_t file) const;

 private:
  class Handler;
  void sort_files();

  std::vector<std::string> files_;
  std::vector<Entry> tensors_;
  NameIndex names_;                          ///< of tensors
  std::unique_ptr<const std::string> text_;  ///< in which most names lie
  std::deque<std::string> unescaped_;        ///< the others
};

}  // namespace mhub
