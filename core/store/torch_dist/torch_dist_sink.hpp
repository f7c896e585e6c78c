// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mhub/base/file.hpp"
#include "mhub/store/pickle/value.hpp"
#include "mhub/store/tensor_sink.hpp"

namespace mhub {

/// A named object of a torch_dist checkpoint that is not a tensor: `payload` is a torch.save archive.
struct TorchDistObject {
  std::string key;
  std::string payload;
};

/// Writes a torch_dist checkpoint (README.md beside this file) into `directory`: `__<rank>_0.distcp` for
/// every rank that holds chunks, `.metadata`, `metadata.json` and `common.pt`. Objects go to rank 0's file.
std::unique_ptr<TensorSink> make_torch_dist_sink(const std::string& directory,
                                                 std::vector<SinkTensor> tensors,
                                                 std::vector<TorchDistObject> objects,
                                                 const PickleNode& common,
                                                 OutputMode mode = OutputMode::create);

}  // namespace mhub
