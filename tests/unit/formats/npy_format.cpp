// SPDX-License-Identifier: Apache-2.0
#include "formats/npy_format.hpp"

#include <charconv>
#include <filesystem>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/formats/hf/hf_state.hpp"

namespace fs = std::filesystem;

namespace mhub::tests {
namespace {

constexpr std::size_t kPrefix = 10;  // magic, version and the length of the header (numpy/lib/format.py)

std::string header_of(const SinkTensor& tensor) {
  std::string shape;
  for (const std::int64_t size : tensor.shape) shape += std::to_string(size) + ",";
  std::string text = std::string("{'descr': '") + (tensor.dtype == DType::f32 ? "<f4" : "<f2") +
                     "', 'fortran_order': False, 'shape': (" + shape + "), }";
  text.append(63 - (kPrefix + text.size()) % 64, ' ');
  text += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(text.size() & 255) +
         static_cast<char>(text.size() >> 8) + text;
}

StoredTensor open_npy(const fs::path& path) {
  auto file = std::make_shared<InputFile>(path.string());
  const std::string content = read_file(path.string(), 1 << 30);
  const std::size_t header =
      kPrefix + static_cast<unsigned char>(content.at(8)) + 256U * static_cast<unsigned char>(content.at(9));
  StoredTensor tensor;
  tensor.name = path.stem().string();
  tensor.dtype = content.find("'<f4'") < header ? DType::f32 : DType::f16;
  const char* at = content.data() + content.find('(') + 1;
  for (std::int64_t size = 0; *at != ')'; ++at) {
    at = std::from_chars(at, content.data() + content.size(), size).ptr;
    tensor.shape.push_back(size);
  }
  tensor.chunks = {
      {Index(tensor.shape.size(), 0), tensor.shape, row_major_strides(tensor.shape), file, header}};
  return tensor;
}

class NpySink final : public TensorSink {
 public:
  NpySink(const fs::path& folder, const std::vector<SinkTensor>& tensors) {
    for (const SinkTensor& tensor : tensors) {
      const std::string header = header_of(tensor);
      files_.push_back(std::make_unique<OutputFile>((folder / (tensor.name + ".npy")).string()));
      files_.back()->write(0, std::as_bytes(std::span(header)));
      ends_.push_back(header.size());
    }
  }
  void append(std::size_t tensor, std::size_t, std::span<const std::byte> data) override {
    files_[tensor]->write(ends_[tensor], data);
    ends_[tensor] += data.size();
  }
  void finish() override {
    for (const auto& file : files_) file->close();
  }

 private:
  std::vector<std::unique_ptr<OutputFile>> files_;
  std::vector<std::uint64_t> ends_;
};

class NpyOutput final : public OutputFormat {
 public:
  explicit NpyOutput(const Checkpoint& source) : source_(source), layout_(hf_layout(source).layout) {}
  Layout take_layout() override { return std::move(layout_); }
  std::unique_ptr<TensorSink> sink(const fs::path& root, const CopyPlan& plan, OutputMode) const override {
    return std::make_unique<NpySink>(root, plan.tensors);
  }
  void add_files(const fs::path& root, const CopyPlan& plan) const override {
    fs::create_directory(root / "about");
    write_file((root / "about/config.json").string(),
               config_text(hf_config(source_, main_dtype(plan.tensors))));
    write_companions(*source_.files, root / "about");
  }
  nlohmann::json describe() const override { return {{"format", "npy"}}; }

 private:
  const Checkpoint& source_;
  Layout layout_;
};

class NpyFormat final : public Format {
 public:
  std::string_view name() const override { return "npy"; }
  bool probe(const std::string& path) const override {
    return fs::is_regular_file(fs::path(path) / "about/config.json");
  }
  void open(Checkpoint& checkpoint, const OpenOptions&) const override {
    describe_hf(checkpoint, files(checkpoint.path));
    std::vector<StoredTensor> tensors;
    for (const auto& entry : fs::directory_iterator(checkpoint.path)) {
      if (entry.path().extension() == ".npy") tensors.push_back(open_npy(entry.path()));
    }
    take_hf_tensors(checkpoint, TensorSource(std::move(tensors)));
    load_manifest(checkpoint, checkpoint.path);
    bind_hf_state(checkpoint);
  }
  std::shared_ptr<const FileSet> files(const std::string& path) const override {
    return folder_files(path + "/about");
  }
  std::unique_ptr<OutputFormat> output(const WriteOptions&, const Checkpoint& source) const override {
    return std::make_unique<NpyOutput>(source);
  }
};

}  // namespace

const Format& npy_format() {
  static const NpyFormat format;
  return format;
}

}  // namespace mhub::tests
