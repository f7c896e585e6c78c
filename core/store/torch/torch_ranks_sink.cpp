// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "mhub/store/pickle/pickle.hpp"
#include "mhub/store/torch/torch_ranks.hpp"
#include "mhub/store/torch_zip/torch_zip.hpp"

namespace mhub {
namespace {

class TorchRanksSink final : public TensorSink {
 public:
  TorchRanksSink(const std::string& directory, const std::vector<SinkTensor>& tensors,
                 const std::function<void(PickleArena&, PickleNode*)>& add_common,
                 const std::function<std::vector<std::string>(const std::vector<std::string>&)>& extra_names,
                 OutputMode mode) {
    std::map<std::string, std::vector<std::size_t>> ranks;
    for (std::size_t t = 0; t < tensors.size(); ++t) ranks[tensors[t].dict->folder].push_back(t);
    place_.resize(tensors.size());
    for (const auto& [folder, members] : ranks) {
      PickleArena arena;
      std::vector<TorchSaveWriter::Data> data;
      struct Model {
        PickleNode* dict = nullptr;
        bool carried = false;
        std::vector<std::string> names;
      };
      std::map<std::string, Model> models;  // by key
      for (const std::size_t t : members) {
        place_[t] = {files_.size(), data.size()};
        const StateDict& dict = *tensors[t].dict;
        Model& model = models[dict.key];
        if (model.dict == nullptr) model = {arena.dict(), dict.carried(), {}};
        const std::string& name = model.names.emplace_back(tensors[t].parameter());
        arena.set(model.dict, name, tensor_node(arena, tensors[t].dtype, tensors[t].shape, data.size()));
        data.push_back({byte_count(tensors[t].shape, tensors[t].dtype), tensors[t].chunks[0].phase});
      }
      PickleNode* top = arena.dict();
      for (const auto& [key, model] : models) {
        if (!model.carried) {
          for (const std::string& name : extra_names(model.names)) arena.set(model.dict, name, arena.none());
        }
        arena.set(top, key, model.dict);
      }
      add_common(arena, top);
      const fs::path path = fs::path(directory) / folder;
      fs::create_directory(path);  // or is there: another process shares the work
      auto file = std::make_shared<OutputFile>((path / "model_optim_rng.pt").string(), mode);
      writers_.push_back(std::make_unique<TorchSaveWriter>(
          [file](std::uint64_t at, std::span<const std::byte> bytes) { file->write(at, bytes); },
          write_pickle(*top), data));
      files_.push_back(std::move(file));
    }
  }

  void append(std::size_t tensor, std::size_t, std::span<const std::byte> data) override {
    writers_[place_.at(tensor).file]->append(place_[tensor].record, data);
  }

  ByteRange share(std::size_t tensor, std::size_t, std::uint64_t begin, const ByteSource& file,
                  std::uint64_t from, std::uint64_t size) override {
    const Place& place = place_.at(tensor);
    const std::uint64_t first = writers_[place.file]->data_offset(place.record);
    return within(files_[place.file]->share(first + begin, file, from, size), first);
  }

  bool read_back(std::size_t tensor, std::size_t, std::uint64_t offset,
                 std::span<std::byte> out) const override {
    const Place& place = place_.at(tensor);
    return files_[place.file]->read(writers_[place.file]->data_offset(place.record) + offset, out);
  }
  void keep(std::size_t tensor, std::size_t, std::span<const std::byte> data) override {
    writers_[place_.at(tensor).file]->keep(place_[tensor].record, data);
  }
  void flush() override {
    for (const auto& file : files_) file->flush();
  }
  std::uint32_t crc(std::size_t tensor, std::size_t) const override {
    return writers_[place_.at(tensor).file]->crc(place_[tensor].record);
  }
  void take_over(std::size_t tensor, std::size_t, std::uint32_t crc) override {
    writers_[place_.at(tensor).file]->take_over(place_[tensor].record, crc);
  }

  void finish() override {
    for (std::size_t k = 0; k < files_.size(); ++k) {
      writers_[k]->finish();
      files_[k]->close();
    }
  }

 private:
  struct Place {
    std::size_t file = 0, record = 0;
  };
  std::vector<Place> place_;
  std::vector<std::shared_ptr<OutputFile>> files_;
  std::vector<std::unique_ptr<TorchSaveWriter>> writers_;
};

}  // namespace

std::unique_ptr<TensorSink> make_torch_ranks_sink(
    const std::string& directory, const std::vector<SinkTensor>& tensors,
    const std::function<void(PickleArena&, PickleNode* top)>& add_common,
    const std::function<std::vector<std::string>(const std::vector<std::string>& names)>& extra_names,
    OutputMode mode) {
  return std::make_unique<TorchRanksSink>(directory, tensors, add_common, extra_names, mode);
}

}  // namespace mhub
