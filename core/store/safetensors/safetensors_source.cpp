// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/safetensors/safetensors_source.hpp"

#include <array>
#include <bit>
#include <cstring>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/store/safetensors/safetensors_header.hpp"
#include "mhub/store/sharded_folder.hpp"

namespace mhub {
namespace {

// safetensors/src/tensor.rs, MAX_HEADER_SIZE
constexpr std::uint64_t kLargestHeader = 100'000'000;
constexpr std::uint64_t kLengthBytes = 8;

struct Shard {
  std::shared_ptr<const InputFile> file;
  SafetensorsHeader header;
  std::uint64_t data_begin = 0;
};

Shard open_shard(const std::string& path) {
  const auto file = std::make_shared<InputFile>(path);
  if (file->size() < kLengthBytes)
    throw InputError(path + ": " + std::to_string(file->size()) + " bytes; not a safetensors file");
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t length = 0;
  file->read(0, std::as_writable_bytes(std::span(&length, 1)));
  if (length > kLargestHeader || length > file->size() - kLengthBytes) {
    throw InputError(path + ": header claims " + std::to_string(length) + " bytes, the file has " +
                     std::to_string(file->size() - kLengthBytes) + " (limit " +
                     std::to_string(kLargestHeader) + ")");
  }
  std::string json(length, '\0');
  file->read(kLengthBytes, std::as_writable_bytes(std::span(json)));
  const std::uint64_t begin = kLengthBytes + length;
  return {file, parse_safetensors_header(json, file->size() - begin, path), begin};
}

std::vector<StoredTensor> read_shard(const std::string& path) {
  Shard shard = open_shard(path);
  std::vector<StoredTensor> tensors;
  tensors.reserve(shard.header.tensors.size());
  for (SafetensorsEntry& entry : shard.header.tensors) {
    StoredChunk chunk{Index(entry.shape.size(), 0), entry.shape, row_major_strides(entry.shape), shard.file,
                      shard.data_begin + entry.begin};
    tensors.push_back({std::move(entry.name), entry.dtype, std::move(entry.shape), {std::move(chunk)}});
  }
  return tensors;
}

}  // namespace

TensorSource open_safetensors(const std::string& path) { return TensorSource(read_shard(path)); }

std::map<std::string, std::string> read_safetensors_metadata(const std::string& path) {
  return open_shard(path).header.metadata;
}

TensorSource open_safetensors_folder(const std::string& directory) {
  return open_sharded_folder(directory, {"model.safetensors", "model.safetensors.index.json"}, read_shard);
}

}  // namespace mhub
