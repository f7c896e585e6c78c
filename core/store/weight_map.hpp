// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mhub {

/// What an index of weights (model.safetensors.index.json, "weight_map") says: which file of the same folder
/// has which tensor. The largest models have 150,000 tensors, so it is taken apart while it is parsed.
struct WeightMap {
  struct Entry {
    std::string tensor;
    std::uint32_t file = 0;  ///< number in `files`
  };
  std::vector<std::string> files;  ///< sorted
  std::vector<Entry> tensors;      ///< sorted by name

  /// Whether it lists the tensor for this file.
  bool lists(std::string_view tensor, std::size_t file) const;
};

/// Reads the text of an index; `path` names it in messages. Throws InputError for what is no JSON, has
/// another form, says a thing twice, or names anything but plain file names.
WeightMap read_weight_map(std::string_view text, const std::string& path);

}  // namespace mhub
