// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/output_format.hpp"

#include <algorithm>
#include <map>

namespace mhub {

DType main_dtype(const std::vector<SinkTensor>& tensors) {
  std::map<DType, std::int64_t> elements{{DType::f32, 0}};
  for (const SinkTensor& tensor : tensors) elements[tensor.dtype] += numel(tensor.shape);
  return std::max_element(elements.begin(), elements.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

}  // namespace mhub
