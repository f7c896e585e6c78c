// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "mhub/store/pickle/value.hpp"
#include "mhub/store/tensor_source.hpp"
#include "mhub/store/torch_zip/zip_reader.hpp"

namespace mhub {

/// One torch.save archive: the object tree, and where the tensors in it lie. Tensor bytes are not read.
class TorchArchive {
 public:
  /// A whole file.
  explicit TorchArchive(const std::string& path);
  explicit TorchArchive(const std::shared_ptr<const ByteSource>& file);
  /// A window of a byte source.
  TorchArchive(std::shared_ptr<const ByteSource> bytes, std::uint64_t begin, std::uint64_t length,
               const std::string& what);

  const PickleNode& root() const { return *root_; }
  const std::shared_ptr<PickleArena>& arena() const { return arena_; }
  const std::string& what() const { return zip_.what(); }
  /// The tensor that a node stands for (a rebuilt tensor or parameter), under the given name; nothing for
  /// other nodes. Throws InputError when it reaches outside its storage.
  std::optional<StoredTensor> tensor(const PickleNode& node, const std::string& name) const;

 private:
  std::optional<StoredTensor> rebuilt(const PickleNode& function,
                                      const std::vector<const PickleNode*>& arguments,
                                      const std::string& name) const;

  ZipReader zip_;
  std::string prefix_;  ///< "archive/"
  std::shared_ptr<PickleArena> arena_ = std::make_shared<PickleArena>();
  const PickleNode* root_ = nullptr;
};

}  // namespace mhub
