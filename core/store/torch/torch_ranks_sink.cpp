#include <filesystem>
#include <map>
#include <memory>

#include "mhub/base/file.hpp"
#include "mhub/store/pickle/writer.hpp"
#include "mhub/store/torch/torch_ranks.hpp"
#include "mhub/store/torch_zip/torch_save.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

class TorchRanksSink final : public TensorSink {
 public:
  TorchRanksSink(
      const std::string& directory, const std::vector<SinkTensor>& tensors,
      const std::function<void(PickleArena&, PickleNode*)>& add_common,
      const std::function<std::vector<std::string>(const std::vector<std::string>&)>& extra_names) {
    std::map<std::string, std::vector<std::size_t>> ranks;
    for (std::size_t t = 0; t < tensors.size(); ++t)
      ranks[tensors[t].name.substr(0, tensors[t].name.find('/'))].push_back(t);
    place_.resize(tensors.size());
    for (const auto& [folder, members] : ranks) {
      PickleArena arena;
      PickleNode* model = arena.dict();
      std::vector<std::uint64_t> sizes;
      std::vector<std::string> names;
      for (const std::size_t t : members) {
        place_[t] = {files_.size(), sizes.size()};
        names.push_back(tensors[t].name.substr(folder.size() + 1));
        arena.set(model, names.back(), tensor_node(arena, tensors[t].dtype, tensors[t].shape, sizes.size()));
        sizes.push_back(static_cast<std::uint64_t>(numel(tensors[t].shape)) * size_of(tensors[t].dtype));
      }
      for (const std::string& name : extra_names(names)) arena.set(model, name, arena.none());
      PickleNode* top = arena.dict();
      arena.set(top, "model", model);
      add_common(arena, top);
      const fs::path path = fs::path(directory) / folder;
      fs::create_directory(path);
      auto file = std::make_shared<OutputFile>((path / "model_optim_rng.pt").string());
      writers_.push_back(std::make_unique<TorchSaveWriter>(
          [file](std::uint64_t at, std::span<const std::byte> data) { file->write(at, data); },
          write_pickle(*top), sizes));
      files_.push_back(std::move(file));
    }
  }

  void append(std::size_t tensor, std::size_t, std::span<const std::byte> data) override {
    writers_[place_.at(tensor).file]->append(place_[tensor].record, data);
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
    const std::string& directory, std::vector<SinkTensor> tensors,
    const std::function<void(PickleArena&, PickleNode* top)>& add_common,
    const std::function<std::vector<std::string>(const std::vector<std::string>& names)>& extra_names) {
  return std::make_unique<TorchRanksSink>(directory, tensors, add_common, extra_names);
}

}  // namespace mhub
