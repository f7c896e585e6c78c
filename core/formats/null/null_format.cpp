// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include "mhub/formats/format.hpp"

namespace mhub {
namespace {

class NullSink final : public TensorSink {
 public:
  void append(std::size_t, std::size_t, std::span<const std::byte>) override {}
  void finish() override {}
};

/// The first format's output, of which nothing is kept.
class NullOutput final : public OutputFormat {
 public:
  NullOutput(std::unique_ptr<OutputFormat> shape, std::string_view name)
      : shape_(std::move(shape)), name_(name) {}

  Layout take_layout() override { return shape_->take_layout(); }
  void set_dtypes(const std::vector<SinkTensor>& tensors) override { shape_->set_dtypes(tensors); }
  std::unique_ptr<TensorSink> sink(const std::filesystem::path&, const CopyPlan&, OutputMode) const override {
    return std::make_unique<NullSink>();
  }
  nlohmann::json describe() const override { return {{"format", name_}}; }

 private:
  std::unique_ptr<OutputFormat> shape_;
  std::string name_;
};

/// A conversion without its writing. Nothing that lies anywhere has this format.
class NullFormat final : public Format {
 public:
  std::string_view name() const override { return "null"; }
  bool discards() const override { return true; }
  bool probe(const std::string&) const override { return false; }
  void open(Checkpoint&, const OpenOptions&) const override { throw std::logic_error("null has nothing"); }
  std::shared_ptr<const FileSet> files(const std::string&) const override {
    throw std::logic_error("null has nothing");
  }
  std::unique_ptr<OutputFormat> output(const WriteOptions& options, const Checkpoint& source) const override {
    const Format& shape = *formats().front();
    WriteOptions same = options;
    same.format = shape.name();
    return std::make_unique<NullOutput>(shape.output(same, source), name());
  }
};

}  // namespace

const Format& null_format() {
  static const NullFormat format;
  return format;
}

}  // namespace mhub
