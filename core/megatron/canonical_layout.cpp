// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/layout.hpp"

namespace mhub {

Layout canonical_layout(const std::vector<CanonicalTensor>& canonical) {
  Layout layout;
  for (std::size_t c = 0; c < canonical.size(); ++c) {
    const CanonicalTensor& tensor = canonical[c];
    layout.map.source.push_back({tensor.name, tensor.shape});
    layout.map.destination.push_back({tensor.name, tensor.shape});
    layout.map.terms.push_back({{c, run_box(0, 0, numel(tensor.shape))}});
    layout.tensors.push_back(SinkTensor::whole(tensor.name, DType::f32, tensor.shape));
  }
  return layout;
}

}  // namespace mhub
