// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdio>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/store/safetensors/safetensors.hpp"

namespace mhub {
namespace {

/// The header's length is a little-endian u64; data starts at a multiple of it (serialize() in
/// safetensors/src/tensor.rs).
constexpr std::size_t kAlignment = 8;

/// The order of enum Dtype in safetensors/src/tensor.rs, backwards: the reference sorts tensors by it, then
/// by name, so that each tensor is aligned.
constexpr std::array<DType, 17> kFileOrder{
    DType::u64,     DType::i64,     DType::f64, DType::c64, DType::f32,    DType::u32,
    DType::i32,     DType::bf16,    DType::f16, DType::u16, DType::i16,    DType::f8_e8m0,
    DType::f8_e4m3, DType::f8_e5m2, DType::i8,  DType::u8,  DType::boolean};

auto file_order(DType dtype) { return std::find(kFileOrder.begin(), kFileOrder.end(), dtype); }

/// A string as JSON; names in a header must be UTF-8.
std::string quoted(const std::string& text) {
  if (!is_utf8(text))
    throw InputError("tensor " + json_text(text) + ": a name in a safetensors file must be UTF-8");
  return json_text(text);
}

std::string shard_name(std::size_t shard, std::size_t count) {
  if (count == 1) return "model.safetensors";
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "model-%05zu-of-%05zu.safetensors", shard + 1, count);
  return name.data();
}

/// Where a tensor's bytes go and how many have come.
struct Slot {
  OutputFile* file = nullptr;
  std::uint64_t begin = 0, size = 0;
  std::atomic<std::uint64_t> done{0};
};

class SafetensorsSink final : public TensorSink {
 public:
  SafetensorsSink(std::string directory, std::vector<SinkTensor> tensors, OutputMode mode)
      : directory_(std::move(directory)), tensors_(std::move(tensors)), slots_(tensors_.size()) {
    check_names();
    const std::vector<std::vector<std::size_t>> shards = group();
    for (std::size_t shard = 0; shard < shards.size(); ++shard) {
      names_.push_back(shard_name(shard, shards.size()));
      files_.push_back(std::make_unique<OutputFile>((fs::path(directory_) / names_.back()).string(), mode));
      begin_file(*files_.back(), shards[shard]);
    }
  }

  void append(std::size_t tensor, std::size_t chunk, std::span<const std::byte> data) override {
    const Slot& slot = slots_.at(tensor);
    if (chunk != 0) throw std::logic_error(tensors_[tensor].name + ": a safetensors tensor has one chunk");
    const std::uint64_t at = slot.done.load();
    if (data.size() <= slot.size - at) slot.file->write(slot.begin + at, data);
    keep(tensor, chunk, data);
  }
  void keep(std::size_t tensor, std::size_t, std::span<const std::byte> data) override {
    Slot& slot = slots_.at(tensor);
    const std::uint64_t at = slot.done.load();
    if (data.size() > slot.size - at)
      throw std::logic_error(tensors_[tensor].name + ": more bytes than its shape holds");
    slot.done = at + data.size();
  }
  void flush() override {
    for (const auto& file : files_) file->flush();
  }
  void take_over(std::size_t tensor, std::size_t, std::uint32_t) override {
    slots_.at(tensor).done = slots_[tensor].size;
  }
  ByteRange share(std::size_t tensor, std::size_t, std::uint64_t begin, const ByteSource& file,
                  std::uint64_t from, std::uint64_t size) override {
    const Slot& slot = slots_.at(tensor);
    return within(slot.file->share(slot.begin + begin, file, from, size), slot.begin);
  }

  bool read_back(std::size_t tensor, std::size_t, std::uint64_t offset,
                 std::span<std::byte> out) const override {
    const Slot& slot = slots_.at(tensor);
    return slot.file->read(slot.begin + offset, out);
  }

  void finish() override {
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      if (slots_[t].done != slots_[t].size) throw std::logic_error(tensors_[t].name + ": bytes are missing");
    }
    for (const auto& file : files_) file->close();
    if (files_.size() > 1) write_index();
  }

 private:
  void check_names() const {
    std::vector<std::string_view> names;
    for (const SinkTensor& tensor : tensors_) names.push_back(tensor.name);
    std::sort(names.begin(), names.end());
    const auto twin = std::adjacent_find(names.begin(), names.end());
    if (twin != names.end()) throw std::logic_error(std::string(*twin) + ": declared twice");
    if (std::binary_search(names.begin(), names.end(), "__metadata__")) {
      throw InputError("tensor __metadata__: the name is reserved in safetensors files");
    }
  }

  /// Tensor numbers by shard, in file order.
  std::vector<std::vector<std::size_t>> group() const {
    std::vector<std::vector<std::size_t>> shards(1);
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      const SinkTensor& tensor = tensors_[t];
      if (tensor.chunks.size() != 1 || tensor.chunks[0].shape != tensor.shape || tensor.chunks[0].rank < 0) {
        throw std::logic_error(tensor.name + ": a safetensors tensor has one chunk that covers it");
      }
      const auto shard = static_cast<std::size_t>(tensor.chunks[0].rank);
      if (shard >= tensors_.size()) throw std::logic_error(tensor.name + ": more files than tensors");
      if (shard >= shards.size()) shards.resize(shard + 1);
      shards[shard].push_back(t);
    }
    for (std::vector<std::size_t>& shard : shards) {
      if (shard.empty() && shards.size() > 1) throw std::logic_error("a safetensors file without tensors");
      std::sort(shard.begin(), shard.end(), [&](std::size_t a, std::size_t b) {
        const auto left = file_order(tensors_[a].dtype), right = file_order(tensors_[b].dtype);
        return left != right ? left < right : tensors_[a].name < tensors_[b].name;
      });
    }
    return shards;
  }

  /// Places the tensors of one file and writes its header.
  void begin_file(OutputFile& file, const std::vector<std::size_t>& members) {
    // transformers refuses a checkpoint without "format".
    std::string header = R"({"__metadata__":{"format":"pt"},)";
    std::uint64_t end = 0;
    for (const std::size_t t : members) {
      const SinkTensor& tensor = tensors_[t];
      Slot& slot = slots_[t];
      slot.file = &file;
      slot.begin = end;
      slot.size = byte_count(tensor.shape, tensor.dtype);
      end += slot.size;
      header += quoted(tensor.name) + ":{\"dtype\":\"" + std::string(safetensors_name(tensor.dtype)) +
                "\",\"shape\":" + json_text(tensor.shape) + ",\"data_offsets\":[" +
                std::to_string(slot.begin) + "," + std::to_string(end) + "]},";
    }
    header.back() = '}';  // in the place of the last comma
    const std::uint64_t least = (header.size() + kAlignment - 1) / kAlignment * kAlignment;
    // Tensors follow each other without gaps, so the header's spaces are all that places them.
    const int phase = best_phase(members);
    header.resize(phase < 0 ? least : at_phase(sizeof least + least, phase) - sizeof least, ' ');
    const std::uint64_t length = header.size();
    static_assert(std::endian::native == std::endian::little);
    file.write(0, std::as_bytes(std::span(&length, 1)));
    file.write(sizeof length, std::as_bytes(std::span(header)));
    for (const std::size_t t : members) slots_[t].begin += sizeof length + length;
  }

  /// Where in a block the data of a file must begin so that most of its bytes lie as SinkChunk::phase says;
  /// -1 where that is no place for data, or none is wanted.
  int best_phase(const std::vector<std::size_t>& members) const {
    std::map<std::uint64_t, std::uint64_t> bytes;
    for (const std::size_t t : members) {
      const int phase = tensors_[t].chunks[0].phase;
      const std::uint64_t data = (static_cast<std::uint64_t>(phase) - slots_[t].begin) % kFileBlock;
      if (phase >= 0 && data % kAlignment == 0) bytes[data] += slots_[t].size;
    }
    const auto most = std::max_element(bytes.begin(), bytes.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == bytes.end() ? -1 : static_cast<int>(most->first);
  }

  void write_index() const {
    std::uint64_t total = 0;
    nlohmann::json map = nlohmann::json::object();
    for (const SinkTensor& tensor : tensors_) {
      total += byte_count(tensor.shape, tensor.dtype);
      map[tensor.name] = names_[static_cast<std::size_t>(tensor.chunks[0].rank)];
    }
    const nlohmann::json index{{"metadata", {{"total_size", total}}}, {"weight_map", std::move(map)}};
    replace_file((fs::path(directory_) / "model.safetensors.index.json").string(),
                 json_text(index, 2) + "\n");
  }

  std::string directory_;
  std::vector<SinkTensor> tensors_;
  std::vector<Slot> slots_;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<OutputFile>> files_;
};

}  // namespace

std::unique_ptr<TensorSink> make_safetensors_sink(const std::string& directory,
                                                  std::vector<SinkTensor> tensors, OutputMode mode) {
  return std::make_unique<SafetensorsSink>(directory, std::move(tensors), mode);
}

std::vector<int> assign_shards(const std::vector<SinkTensor>& tensors, std::uint64_t max_shard_bytes) {
  std::vector<int> shards;
  std::uint64_t filled = 0;
  int shard = 0;
  for (const SinkTensor& tensor : tensors) {
    const std::uint64_t bytes = byte_count(tensor.shape, tensor.dtype);
    const bool fits = filled <= max_shard_bytes && bytes <= max_shard_bytes - filled;
    if (!fits && !shards.empty()) {
      ++shard;
      filled = 0;
    }
    filled += bytes;
    shards.push_back(shard);
  }
  return shards;
}

}  // namespace mhub
