// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_set>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/store/pickle/pickle.hpp"
#include "mhub/store/torch_dist/torch_dist.hpp"
#include "mhub/store/torch_zip/torch_zip.hpp"

namespace mhub {
namespace {

constexpr std::uint64_t kLargestMetadata = 1ULL << 30;

/// One entry of the metadata's storage_data.
struct Item {
  std::string key;
  Index offset;  ///< empty for objects
  std::string file;
  std::uint64_t begin = 0, length = 0;
};

bool overlap(const StoredChunk& a, const StoredChunk& b) {
  for (std::size_t axis = 0; axis < a.shape.size(); ++axis) {
    if (a.offset[axis] >= b.offset[axis] + b.shape[axis] || b.offset[axis] >= a.offset[axis] + a.shape[axis])
      return false;
  }
  return true;
}

/// A tensor's chunks must have its rank, lie inside it, not overlap and cover it.
void check_tiling(const StoredTensor& tensor, const std::string& what) {
  auto fail = [&](const std::string& problem) {
    throw InputError(what + ": tensor " + tensor.name + " " + to_string(tensor.shape) + ": " + problem);
  };
  std::int64_t covered = 0;
  for (const StoredChunk& chunk : tensor.chunks) {
    if (chunk.offset.size() != tensor.shape.size() || chunk.shape.size() != tensor.shape.size())
      fail("a chunk has another number of axes");
    if (!lies_inside(chunk.offset, chunk.shape, tensor.shape))
      fail("chunk at " + to_string(chunk.offset) + " of size " + to_string(chunk.shape) + " reaches outside");
    covered += numel(chunk.shape);
  }
  if (covered != numel(tensor.shape)) fail("its chunks hold " + std::to_string(covered) + " elements");
  if (tensor.shape.empty()) return;
  // Equal volume and no overlap means an exact cover. Sorted by their start on the first axis, only chunks
  // that share a stretch of it can overlap.
  std::vector<const StoredChunk*> order;
  for (const StoredChunk& chunk : tensor.chunks) order.push_back(&chunk);
  std::sort(order.begin(), order.end(),
            [](const StoredChunk* a, const StoredChunk* b) { return a->offset < b->offset; });
  std::vector<const StoredChunk*> open;
  for (const StoredChunk* chunk : order) {
    std::erase_if(open, [&](const StoredChunk* o) { return o->offset[0] + o->shape[0] <= chunk->offset[0]; });
    for (const StoredChunk* other : open) {
      if (overlap(*other, *chunk))
        fail("chunks at " + to_string(other->offset) + " and " + to_string(chunk->offset) + " overlap");
    }
    open.push_back(chunk);
  }
}

class Opener {
 public:
  Opener(std::string directory, const TorchDistFilter& wanted)
      : folder_(std::move(directory)), what_((folder_ / ".metadata").string()), wanted_(wanted) {}

  TorchDistCheckpoint open() {
    check_backend();
    const std::string pickle = read_file(what_, kLargestMetadata);
    PickleArena arena;
    const PickleNode& root = *read_pickle(std::as_bytes(std::span(pickle)), arena, what_);
    const PickleNode* state = root.find("state_dict_metadata");
    const PickleNode* storage = root.find("storage_data");
    if (state == nullptr || storage == nullptr)
      throw InputError(what_ + ": not the metadata of a torch.distributed.checkpoint");
    read_tensors(*state);
    read_storage(*storage);
    TorchDistCheckpoint result;
    std::vector<StoredTensor> tensors;
    for (auto& [name, tensor] : tensors_) {
      check_tiling(tensor, what_);
      tensors.push_back(std::move(tensor));
    }
    result.tensors = TensorSource(std::move(tensors));
    result.objects = std::move(objects_);
    read_common(result);
    return result;
  }

 private:
  void check_backend() {
    const std::string path = (folder_ / "metadata.json").string();
    const nlohmann::json json = parse_json_file(path, 1 << 20);
    const auto backend =
        json.is_object() ? json.value("sharded_backend", nlohmann::json()) : nlohmann::json();
    if (backend != "torch_dist")
      throw InputError(path + ": sharded_backend is " + json_text(backend) + ", expected \"torch_dist\"");
  }

  Shape shape(const PickleNode* node, const std::string& where) const {
    if (node == nullptr) throw InputError(where + " is missing");
    Shape values;
    for (const PickleNode* one : node->as_sequence(where)) values.push_back(one->as_integer(where));
    return values;
  }

  void read_tensors(const PickleNode& state) {
    const auto& pairs = state.as_pairs(what_ + ": state_dict_metadata");
    for (std::size_t k = 0; k + 1 < pairs.size(); k += 2) {
      const std::string& name = pairs[k]->as_string(what_ + ": key");
      const PickleNode& entry = *pairs[k + 1];
      if (entry.is_object("torch.distributed.checkpoint.metadata BytesStorageMetadata")) continue;
      if (wanted_ && !wanted_(name)) {
        skipped_.insert(name);
        continue;
      }
      const std::string where = what_ + ": tensor " + name;
      StoredTensor tensor{name, DType::f32, shape(entry.find("size"), where + ": size"), {}};
      const PickleNode* properties = entry.find("properties");
      const PickleNode* type = nullptr;
      if (properties != nullptr && properties->is(PickleNode::Kind::object) && properties->items.size() > 2) {
        const PickleNode& fields = *properties->items[2];
        type = fields.is(PickleNode::Kind::tuple) && !fields.items.empty() ? fields.items[0]
                                                                           : properties->find("dtype");
      }
      const auto dtype = type != nullptr ? dtype_from_torch(torch_member(*type)) : std::nullopt;
      if (!dtype) throw InputError(where + ": unknown type");
      tensor.dtype = *dtype;
      if (!checked_numel(tensor.shape))
        throw InputError(where + ": impossible shape " + to_string(tensor.shape));
      const PickleNode* chunks = entry.find("chunks");
      if (chunks == nullptr) throw InputError(where + ": no chunks");
      for (const PickleNode* chunk : chunks->as_sequence(where + ": chunks")) {
        StoredChunk one;
        one.offset = shape(chunk->find("offsets"), where + ": chunk offsets");
        one.shape = shape(chunk->find("sizes"), where + ": chunk sizes");
        tensor.chunks.push_back(std::move(one));
      }
      if (!tensors_.emplace(name, std::move(tensor)).second) throw InputError(where + " is there twice");
    }
  }

  void read_storage(const PickleNode& storage) {
    const auto& pairs = storage.as_pairs(what_ + ": storage_data");
    std::map<std::string, std::map<Index, Item>> items;
    for (std::size_t k = 0; k + 1 < pairs.size(); k += 2) {
      Item item = read_item(*pairs[k], *pairs[k + 1]);
      if (skipped_.contains(item.key)) continue;
      if (tensors_.contains(item.key)) {
        items[item.key][item.offset] = std::move(item);
      } else {
        const auto file = open_file(item);
        objects_[item.key] = {file, item.begin, item.length};
      }
    }
    for (auto& [name, tensor] : tensors_) {
      for (StoredChunk& chunk : tensor.chunks) {
        const auto found = items[name].find(chunk.offset);
        if (found == items[name].end())
          throw InputError(what_ + ": tensor " + name + ": chunk at " + to_string(chunk.offset) +
                           " is stored nowhere");
        locate(tensor, chunk, found->second);
      }
    }
  }

  Item read_item(const PickleNode& index, const PickleNode& info) const {
    const PickleNode* key = index.find("fqn");
    const PickleNode* path = info.find("relative_path");
    const PickleNode* begin = info.find("offset");
    const PickleNode* length = info.find("length");
    if (key == nullptr || path == nullptr || begin == nullptr || length == nullptr)
      throw InputError(what_ + ": storage_data: unknown form");
    Item item;
    item.key = key->as_string(what_ + ": fqn");
    const std::string where = what_ + ": " + item.key;
    if (const PickleNode* offset = index.find("offset");
        offset != nullptr && !offset->is(PickleNode::Kind::none))
      item.offset = shape(offset, where + ": offset");
    if (const PickleNode* steps = info.find("transform_descriptors");
        steps != nullptr && !steps->is(PickleNode::Kind::none) && !steps->items.empty()) {
      throw InputError(where + ": stored with transforms (compression or encryption); not supported");
    }
    item.file = path->as_string(where + ": relative_path");
    if (fs::path(item.file).filename() != item.file)
      throw InputError(where + ": file name \"" + item.file + "\" leaves the folder");
    const std::int64_t from = begin->as_integer(where + ": offset"),
                       bytes = length->as_integer(where + ": length");
    if (from < 0 || bytes < 0) throw InputError(where + ": negative place");
    item.begin = static_cast<std::uint64_t>(from);
    item.length = static_cast<std::uint64_t>(bytes);
    return item;
  }

  std::shared_ptr<const InputFile> open_file(const Item& item) {
    auto& file = files_[item.file];
    const std::string path = (folder_ / item.file).string();
    if (!file) {
      if (!fs::exists(path))
        throw InputError(path + ": missing, but " + what_ + " has " + item.key + " in it");
      file = std::make_shared<InputFile>(path);
    }
    if (item.begin > file->size() || item.length > file->size() - item.begin) {
      throw InputError(path + ": " + item.key + " lies at bytes " + std::to_string(item.begin) + " .. " +
                       std::to_string(item.begin + item.length) + ", the file has " +
                       std::to_string(file->size()) + "; it is truncated");
    }
    return file;
  }

  void locate(const StoredTensor& tensor, StoredChunk& chunk, const Item& item) {
    const auto file = open_file(item);
    const std::string where = file->name() + ": " + tensor.name + " at " + to_string(chunk.offset);
    const TorchArchive archive(file, item.begin, item.length, where);
    const auto stored = archive.tensor(archive.root(), tensor.name);
    if (!stored || stored->dtype != tensor.dtype || stored->shape != chunk.shape) {
      throw InputError(where + ": expected " + std::string(torch_name(tensor.dtype)) + " " +
                       to_string(chunk.shape) + ", found " +
                       (stored ? std::string(torch_name(stored->dtype)) + " " + to_string(stored->shape)
                               : describe(archive.root())));
    }
    chunk.strides = stored->chunks[0].strides;
    chunk.bytes = stored->chunks[0].bytes;
    chunk.byte_offset = stored->chunks[0].byte_offset;
  }

  void read_common(TorchDistCheckpoint& result) const {
    if (const fs::path path = folder_ / "common.pt"; fs::exists(path)) {
      const TorchArchive archive(path.string());
      result.common = archive.shared(archive.root());
    } else if (const auto it = result.objects.find("common_state/shard_0_1"); it != result.objects.end()) {
      const TorchArchive archive(it->second.bytes, it->second.offset, it->second.length,
                                 it->second.bytes->name() + ": common_state");
      // A sharded object is saved as a list of one (megatron-core dist_checkpointing, ShardedObject).
      const PickleNode& root = archive.root();
      const bool wrapped = root.is(PickleNode::Kind::list) && root.items.size() == 1;
      result.common = archive.shared(wrapped ? *root.items[0] : root);
    }
  }

  fs::path folder_;
  std::string what_;
  const TorchDistFilter& wanted_;
  std::unordered_set<std::string> skipped_;
  std::map<std::string, StoredTensor> tensors_;
  std::map<std::string, TorchDistCheckpoint::Object> objects_;
  std::map<std::string, std::shared_ptr<InputFile>> files_;
};

}  // namespace

bool is_torch_dist(const std::string& directory) {
  const fs::path folder = directory;
  return fs::is_regular_file(folder / ".metadata") && fs::is_regular_file(folder / "metadata.json");
}

TorchDistCheckpoint open_torch_dist(const std::string& directory, const TorchDistFilter& wanted) {
  return Opener(directory, wanted).open();
}

}  // namespace mhub
