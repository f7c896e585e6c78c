// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/device/device_backend.hpp"

#include "mhub/runtime/device/device_attention.hpp"
#include "mhub/runtime/device/device_linear.hpp"
#include "mhub/runtime/device/device_memory.hpp"
#include "mhub/runtime/device/device_recurrence.hpp"
#include "mhub/runtime/device/device_weights.hpp"
#include "mhub/runtime/largest.hpp"

namespace mhub::runtime {
namespace {

/// More of the largest numbers of a row are found on the host: the rounds of the kernel would take longer
/// than to copy the row.
constexpr std::int64_t kMostRounds = 128;

const char* name_of(Element element) {
  return element == Element::f32 ? "float32" : element == Element::f16 ? "float16" : "bfloat16";
}

class DeviceBackend final : public Backend {
 public:
  DeviceBackend(std::unique_ptr<Device> device, Element run)
      : device_(std::move(device)),
        run_(run),
        scratch_(*device_),
        constants_(*device_),
        recent_(*device_),
        linear_(*device_, scratch_, constants_, run),
        attention_(*device_, scratch_, constants_, run),
        recurrence_(*device_, scratch_, constants_, run) {}

  std::string describe() const override { return device_->describe() + ", " + name_of(run_); }
  std::shared_ptr<float> allocate(std::int64_t floats) override {
    const auto memory = device_->allocate(static_cast<std::size_t>(floats) * sizeof(float));
    return {memory, reinterpret_cast<float*>(memory.get())};
  }
  std::shared_ptr<float> allocate_cache_page(std::int64_t floats) override {
    return attention_.allocate_page(floats);
  }
  WeightView place(const WeightView& view, Rows, Precision precision) override {
    const bool rounded = run_ != Element::f32 && precision == Precision::fast;
    return upload(*device_, view, rounded ? run_ : stored_element(view));
  }

  void embed(const WeightView& table, std::span<const std::int64_t> ids, bool accumulate,
             Matrix out) override {
    const WeightBlock& dense = table.blocks.front();
    device_->launch(
        EmbedKernel{dense.data, element_of(dense.dtype), scratch_.upload("ids", ids), accumulate, out});
  }
  void normalize(const Norm& norm, Matrix in, Matrix out) override;
  void normalize(const Norm& norm, Heads heads) override { launch_norm(norm, false, heads, heads); }
  void normalize_joint(const Norm& norm, Heads heads) override { launch_norm(norm, true, heads, heads); }
  void linear(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out, bool accumulate,
              Precision precision) override {
    linear_.run(weight, bias, in, out, accumulate, precision);
  }
  void linear_activate(const WeightView& weight, std::span<const float> bias, const Activation& activation,
                       Matrix in, Matrix wide, Matrix out, Precision precision) override {
    if (!linear_.run_activated(weight, bias, activation, in, out, precision))
      Backend::linear_activate(weight, bias, activation, in, wide, out, precision);
  }
  void activate(const Activation& activation, Matrix in, Matrix out) override {
    device_->launch(ActivateKernel{activation, in, out});
  }
  void rotate(const RotaryAngles& angles, Heads heads) override {
    device_->launch(RotateKernel{recent_.get(angles.cos), recent_.get(angles.sin), angles.dim / 2,
                                 angles.interleaved, heads});
  }
  void attend(const AttentionOptions& options, Heads queries, Heads keys, Heads values,
              std::span<const Segment> segments, Matrix out) override {
    attention_.run(options, queries, keys, values, segments, out);
  }
  void delta_net(const DeltaNet& net, Matrix in, std::span<const Segment> segments, Matrix out) override {
    recurrence_.delta_net(net, in, segments, out);
  }
  void mamba(const MambaMixer& mixer, Matrix in, std::span<const Segment> segments, Matrix out) override {
    recurrence_.mamba(mixer, in, segments, out);
  }
  void gate(Heads gates, Matrix out) override { device_->launch(GateKernel{gates, out}); }
  void read(Matrix in, std::span<float> out) override;
  void write(std::span<const float> in, Matrix out) override;
  std::vector<RowEntry> largest(Matrix in, std::int64_t count) override;
  void copy(Matrix in, Matrix out) override { device_->launch(CombineKernel{in, 1.0F, 0.0F, out}); }
  void copy(Heads in, Heads out) override { device_->launch(CopyHeadsKernel{in, out}); }
  void fill(Matrix out, float value) override { device_->launch(ScaleKernel{0.0F, nullptr, value, out}); }
  void add(Matrix in, float factor, Matrix out) override {
    device_->launch(CombineKernel{in, factor, 1.0F, out});
  }
  void scale(float factor, Matrix out) override { device_->launch(ScaleKernel{factor, nullptr, 0.0F, out}); }
  void scale_columns(std::span<const float> factors, Matrix out) override {
    device_->launch(ScaleKernel{1.0F, constants_.get(factors), 0.0F, out});
  }
  void soft_cap(float cap, Matrix out) override { device_->launch(SoftCapKernel{cap, out}); }
  void gather_rows(Matrix in, std::span<const std::int64_t> rows, std::span<const float> factors,
                   Matrix out) override {
    device_->launch(
        GatherKernel{in, scratch_.upload("rows", rows), scratch_.upload("factors", factors), out});
  }
  void scatter_add_rows(Matrix in, std::span<const std::int64_t> rows, std::span<const float> factors,
                        Matrix out) override {
    device_->launch(
        ScatterAddKernel{in, scratch_.upload("rows", rows), scratch_.upload("factors", factors), out});
  }

 private:
  void launch_norm(const Norm& norm, bool joint, Heads in, Heads out) {
    device_->launch(NormKernel{norm.kind, static_cast<float>(norm.epsilon), constants_.get(norm.weight),
                               constants_.get(norm.bias), joint, in, out});
  }

  std::unique_ptr<Device> device_;
  Element run_;
  DeviceScratch scratch_;
  Constants constants_;
  RecentArrays recent_;
  DeviceLinear linear_;
  DeviceAttention attention_;
  DeviceRecurrence recurrence_;
};

void DeviceBackend::normalize(const Norm& norm, Matrix in, Matrix out) {
  // A graph writes all its rows and does not promise to read a row before it writes there.
  if (in.data == out.data || !is_tensor(in) || !is_tensor(out) || norm.weight.empty() ||
      in.rows != padded_count(in.rows))
    return launch_norm(norm, false, as_heads(in), as_heads(out));
  device_->run(NormSpec{norm.kind, in.rows, in.columns, !norm.bias.empty()},
               NormOperands{in.data, constants_.get(norm.weight), constants_.get(norm.bias),
                            static_cast<float>(norm.epsilon), out.data});
}

void DeviceBackend::read(Matrix in, std::span<float> out) {
  const void* from = in.data;
  if (in.stride != in.columns) {
    auto* dense = static_cast<float*>(scratch_.get("read", out.size_bytes()));
    copy(in, {dense, in.rows, in.columns, in.columns});
    from = dense;
  }
  device_->download(from, static_cast<std::size_t>(in.rows * in.columns) * sizeof(float), out.data());
}

void DeviceBackend::write(std::span<const float> in, Matrix out) {
  if (out.stride == out.columns) return device_->upload(in.data(), in.size_bytes(), out.data);
  auto* dense = static_cast<float*>(scratch_.get("write", in.size_bytes()));
  device_->upload(in.data(), in.size_bytes(), dense);
  copy({dense, out.rows, out.columns, out.columns}, out);
}

std::vector<RowEntry> DeviceBackend::largest(Matrix in, std::int64_t count) {
  const bool many = count > kMostRounds;
  std::vector<float> values;
  std::vector<RowEntry> chosen, found;
  const auto rows = static_cast<std::size_t>(in.rows), columns = static_cast<std::size_t>(in.columns);
  const auto per_row = static_cast<std::size_t>(Chunk::per_row(in.columns) * count);
  if (many) {
    values.resize(rows * columns);
    read(in, values);
  } else {
    chosen.resize(rows * per_row);
    const std::size_t bytes = chosen.size() * sizeof(RowEntry);
    auto* out = static_cast<RowEntry*>(scratch_.get("largest", bytes));
    device_->launch(LargestKernel{in, count, out});
    device_->download(out, bytes, chosen.data());
  }
  for (std::size_t r = 0; r < rows; ++r) {
    if (many)
      append_largest(std::span<const float>(values).subspan(r * columns, columns), count, found);
    else
      append_largest(std::span<const RowEntry>(chosen).subspan(r * per_row, per_row), count, found);
  }
  return found;
}

}  // namespace

std::unique_ptr<Backend> make_device_backend(std::unique_ptr<Device> device, Element run) {
  return std::make_unique<DeviceBackend>(std::move(device), run);
}

}  // namespace mhub::runtime
