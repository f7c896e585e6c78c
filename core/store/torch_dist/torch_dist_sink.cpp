// SPDX-License-Identifier: Apache-2.0

#include "mhub/store/pickle/pickle.hpp"
#include "mhub/store/torch_dist/torch_dist.hpp"
#include "mhub/store/torch_zip/torch_zip.hpp"

namespace mhub {
namespace {

constexpr const char* kDcp = "torch.distributed.checkpoint.metadata ";

/// Where an item lies: torch's _StorageInfo.
struct Place {
  std::string file;
  std::uint64_t offset = 0, length = 0;
};

/// Builds the `.metadata` object tree. Only classes and fields that every torch from 2.2 on knows are used;
/// TensorProperties has its five-field state, which newer versions accept
/// (torch/distributed/checkpoint/metadata.py).
class MetadataBuilder {
 public:
  void add_tensor(const SinkTensor& tensor, const std::vector<Place>& places) {
    std::vector<const PickleNode*> chunks;
    for (std::size_t c = 0; c < tensor.chunks.size(); ++c) {
      const PickleNode* offset = size(tensor.chunks[c].offset);
      chunks.push_back(
          instance("ChunkStorageMetadata", {{"offsets", offset}, {"sizes", size(tensor.chunks[c].shape)}}));
      add_place(tensor.name, offset, places[c]);
    }
    arena_.set(tensors_, tensor.name,
               instance("TensorStorageMetadata", {{"properties", properties(tensor.dtype)},
                                                  {"size", size(tensor.shape)},
                                                  {"chunks", arena_.list(std::move(chunks))}}));
  }

  void add_object(const std::string& key, const Place& place) {
    arena_.set(tensors_, key, instance("BytesStorageMetadata", {}));
    add_place(key, arena_.none(), place);
  }

  std::string pickle() {
    return write_pickle(*instance(
        "Metadata",
        {{"state_dict_metadata", tensors_}, {"planner_data", arena_.none()}, {"storage_data", places_}}));
  }

 private:
  const PickleNode* instance(const char* name,
                             std::initializer_list<std::pair<const char*, const PickleNode*>> state) {
    return arena_.instance(std::string(kDcp) + name, arena_.dict(state));
  }
  const PickleNode* size(std::span<const std::int64_t> values) {
    std::vector<const PickleNode*> items;
    for (const std::int64_t value : values) items.push_back(arena_.integer(value));
    return arena_.call("torch Size", {arena_.tuple(std::move(items))});
  }
  const PickleNode* properties(DType dtype) {
    const PickleNode* layout =
        arena_.call("torch.serialization _get_layout", {arena_.string("torch.strided")});
    const PickleNode* format = arena_.call(std::string(kDcp) + "_MEM_FORMAT_ENCODING", {arena_.integer(0)});
    return arena_.instance(std::string(kDcp) + "TensorProperties",
                           arena_.tuple({arena_.global("torch " + std::string(torch_name(dtype))), layout,
                                         arena_.boolean(false), format, arena_.boolean(false)}));
  }
  void add_place(const std::string& key, const PickleNode* offset, const Place& place) {
    places_->items.push_back(instance(
        "MetadataIndex", {{"fqn", arena_.string(key)}, {"offset", offset}, {"index", arena_.none()}}));
    places_->items.push_back(
        arena_.instance("torch.distributed.checkpoint.filesystem _StorageInfo",
                        arena_.dict({{"relative_path", arena_.string(place.file)},
                                     {"offset", arena_.integer(static_cast<std::int64_t>(place.offset))},
                                     {"length", arena_.integer(static_cast<std::int64_t>(place.length))}})));
  }

  PickleArena arena_;
  PickleNode* tensors_ = arena_.dict();
  PickleNode* places_ = arena_.dict();
};

std::string item_pickle(const SinkTensor& tensor, const SinkChunk& chunk) {
  PickleArena arena;
  return write_pickle(*tensor_node(arena, tensor.dtype, chunk.shape, 0));
}

class TorchDistSink final : public TensorSink {
 public:
  TorchDistSink(std::string directory, std::vector<SinkTensor> tensors, std::vector<TorchDistObject> objects,
                const PickleNode& common, OutputMode mode)
      : mode_(mode),
        directory_(std::move(directory)),
        tensors_(std::move(tensors)),
        objects_(std::move(objects)),
        common_(torch_save_bytes(common)) {
    for (const TorchDistObject& object : objects_) object_places_.push_back(place(0, object.payload.size()));
    for (const SinkTensor& tensor : tensors_) {
      auto& items = items_.emplace_back();
      auto& places = places_.emplace_back();
      for (const SinkChunk& chunk : tensor.chunks) {
        const TorchSaveWriter::Data data{byte_count(chunk.shape, tensor.dtype)};
        RankFile& rank = file(chunk.rank);
        auto begin = std::make_shared<std::uint64_t>(0);
        items.emplace_back(
            [file = rank.file, begin](std::uint64_t at, std::span<const std::byte> bytes) {
              file->write(*begin + at, bytes);
            },
            item_pickle(tensor, chunk), std::span(&data, 1));
        // Readers go by offset and length of each item (FileSystemReader.read_data), so there may be gaps.
        if (chunk.phase >= 0) {
          const std::uint64_t head = items.back().data_offset(0), end = rank.end;
          rank.end = at_phase(end + head, chunk.phase) - head;
          if (rank.end > end) gaps_.push_back({rank.file, end, rank.end - end});
        }
        *begin = rank.end;
        places.push_back(place(chunk.rank, items.back().length()));
      }
    }
  }

  void append(std::size_t tensor, std::size_t chunk, std::span<const std::byte> data) override {
    items_.at(tensor).at(chunk).append(0, data);
  }

  ByteRange share(std::size_t tensor, std::size_t chunk, std::uint64_t begin, const ByteSource& file,
                  std::uint64_t from, std::uint64_t size) override {
    const std::uint64_t first =
        places_.at(tensor).at(chunk).offset + items_.at(tensor).at(chunk).data_offset(0);
    OutputFile& to = *files_.at(tensors_[tensor].chunks[chunk].rank).file;
    return within(to.share(first + begin, file, from, size), first);
  }

  bool read_back(std::size_t tensor, std::size_t chunk, std::uint64_t offset,
                 std::span<std::byte> out) const override {
    const std::uint64_t begin =
        places_.at(tensor).at(chunk).offset + items_.at(tensor).at(chunk).data_offset(0);
    return files_.at(tensors_[tensor].chunks[chunk].rank).file->read(begin + offset, out);
  }
  void keep(std::size_t tensor, std::size_t chunk, std::span<const std::byte> data) override {
    items_.at(tensor).at(chunk).keep(0, data);
  }
  void flush() override {
    for (auto& [rank, one] : files_) one.file->flush();
  }
  std::uint32_t crc(std::size_t tensor, std::size_t chunk) const override {
    return items_.at(tensor).at(chunk).crc(0);
  }
  void take_over(std::size_t tensor, std::size_t chunk, std::uint32_t crc) override {
    items_.at(tensor).at(chunk).take_over(0, crc);
  }

  void finish() override {
    MetadataBuilder metadata;
    // A file that is gone on with may have anything there.
    for (const Gap& gap : gaps_) gap.file->write(gap.begin, std::vector<std::byte>(gap.size));
    for (std::size_t k = 0; k < objects_.size(); ++k) {
      files_.at(0).file->write(object_places_[k].offset, std::as_bytes(std::span(objects_[k].payload)));
      metadata.add_object(objects_[k].key, object_places_[k]);
    }
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      for (TorchSaveWriter& item : items_[t]) item.finish();
      metadata.add_tensor(tensors_[t], places_[t]);
    }
    for (auto& [rank, one] : files_) one.file->close();
    const fs::path folder = directory_;
    replace_file((folder / "common.pt").string(), common_);
    replace_file(
        (folder / "metadata.json").string(),
        R"({"sharded_backend": "torch_dist", "sharded_backend_version": 1, "common_backend": "torch", "common_backend_version": 1})");
    replace_file((folder / ".metadata").string(), metadata.pickle());
  }

 private:
  struct RankFile {
    std::string name;
    std::shared_ptr<OutputFile> file;
    std::uint64_t end = 0;
  };
  /// Bytes of no item: zeros.
  struct Gap {
    std::shared_ptr<OutputFile> file;
    std::uint64_t begin, size;
  };
  RankFile& file(int rank) {
    RankFile& one = files_[rank];
    if (!one.file) {
      one.name = "__" + std::to_string(rank) + "_0.distcp";
      one.file = std::make_shared<OutputFile>((fs::path(directory_) / one.name).string(), mode_);
    }
    return one;
  }
  Place place(int rank, std::uint64_t length) {
    RankFile& one = file(rank);
    Place result{one.name, one.end, length};
    one.end += length;
    return result;
  }

  OutputMode mode_;
  std::string directory_;
  std::vector<SinkTensor> tensors_;
  std::vector<TorchDistObject> objects_;
  std::string common_;
  std::map<int, RankFile> files_;
  std::vector<Gap> gaps_;
  std::vector<std::vector<TorchSaveWriter>> items_;
  std::vector<std::vector<Place>> places_;
  std::vector<Place> object_places_;
};

}  // namespace

std::unique_ptr<TensorSink> make_torch_dist_sink(const std::string& directory,
                                                 std::vector<SinkTensor> tensors,
                                                 std::vector<TorchDistObject> objects,
                                                 const PickleNode& common, OutputMode mode) {
  return std::make_unique<TorchDistSink>(directory, std::move(tensors), std::move(objects), common, mode);
}

}  // namespace mhub
