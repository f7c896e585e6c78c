// SPDX-License-Identifier: Apache-2.0
#include "cudnn/spec_collector.hpp"

#include <cmath>
#include <vector>

#include "mhub/runtime/device/device_backend.hpp"

namespace mhub::tests {
namespace {

using namespace mhub::runtime;

constexpr std::size_t kMemory = 80ULL << 30;

/// Hands out addresses that nobody may touch.
std::shared_ptr<std::byte> nowhere(std::size_t bytes) {
  static std::uintptr_t next = 1 << 20;
  const std::uintptr_t address = next;
  next += (bytes + 255) / 256 * 256;
  return {reinterpret_cast<std::byte*>(address), [](std::byte*) {}};
}

class NoMemory final : public GrowingMemory {
 public:
  explicit NoMemory(std::size_t bytes) : base_(nowhere(bytes).get()) {}
  std::byte* base() const override { return base_; }
  std::size_t size() const override { return size_; }
  void grow(std::size_t bytes) override { size_ = bytes; }

 private:
  std::byte* base_;
  std::size_t size_ = 0;
};

/// Computes nothing and notes the graphs.
class NotingDevice final : public Device {
 public:
  explicit NotingDevice(Specs& specs) : specs_(specs) {}
  std::string describe() const override { return "nothing"; }
  std::size_t memory() const override { return kMemory; }
  std::shared_ptr<std::byte> allocate(std::size_t bytes) override { return nowhere(bytes); }
  std::unique_ptr<GrowingMemory> reserve(std::size_t bytes) override {
    return std::make_unique<NoMemory>(bytes);
  }
  void upload(const void*, std::size_t, void*) override {}
  void upload_rows(std::int64_t, std::size_t, const Fill&, void*) override {}
  void clear(void*, std::size_t) override {}
  void download(const void*, std::size_t, void*) override {}
  void launch(const Kernel&) override {}
  void run(const LinearSpec& spec, const LinearOperands&) override { specs_.linear.insert(spec); }
  void run(const NormSpec& spec, const NormOperands&) override { specs_.norm.insert(spec); }
  void run(const AttentionSpec& spec, const AttentionOperands&) override { specs_.attention.insert(spec); }

 private:
  Specs& specs_;
};

class Caller {
 public:
  Caller(const ModelShape& model, Element run, const Load& load, Specs& specs)
      : model_(model),
        load_(load),
        backend_(make_device_backend(std::make_unique<NotingDevice>(specs), run)) {}

  void run() {
    const std::int64_t rows = load_.sequences * load_.tokens;
    norm(rows, model_.hidden);
    if (model_.key_value_rank > 0) {
      latent_attention(rows);
    } else {
      grouped_attention(rows);
    }
    if (model_.delta_dim > 0) delta_net(rows);
    if (model_.mamba_heads > 0) mamba(rows);
    if (model_.ffn > 0) mlp(rows, model_.ffn);
    // A token goes to few experts: about this many of a prompt meet at one.
    if (model_.expert_ffn > 0) mlp(std::max<std::int64_t>(1, rows / 16), model_.expert_ffn);
    if (model_.shared_ffn > 0) mlp(rows, model_.shared_ffn);
    if (model_.shared_gate) linear(rows, model_.hidden, 1, false);
    norm(load_.sequences, model_.hidden);
    linear(load_.sequences, model_.hidden, model_.vocabulary, false);
  }

 private:
  Matrix matrix(std::int64_t rows, std::int64_t columns) {
    return {backend_->allocate(rows * columns).get(), rows, columns, columns};
  }
  WeightView weight(std::int64_t inputs, std::int64_t outputs) {
    const WeightBlock block{0, outputs, 0, inputs, nullptr, inputs, DType::bf16};
    return backend_->place({"weight", outputs, inputs, {block}, nullptr}, Rows::all);
  }
  static std::vector<float> bias(bool there, std::int64_t outputs) {
    return std::vector<float>(static_cast<std::size_t>(there ? outputs : 0));
  }
  void linear(std::int64_t rows, std::int64_t inputs, std::int64_t outputs, bool with_bias) {
    backend_->linear(weight(inputs, outputs), bias(with_bias, outputs), matrix(rows, inputs),
                     matrix(rows, outputs), false, Precision::fast);
  }
  void norm(std::int64_t rows, std::int64_t columns) {
    Norm norm{model_.layer_norm ? NormKind::layer : NormKind::rms, 1e-5, {}, {}};
    norm.weight.resize(static_cast<std::size_t>(columns));
    if (model_.norm_bias) norm.bias.resize(norm.weight.size());
    backend_->normalize(norm, matrix(rows, columns), matrix(rows, columns));
  }
  void grouped_attention(std::int64_t rows) {
    const std::int64_t dim = model_.dim, heads = model_.heads / model_.groups;
    const std::int64_t stride = ((model_.output_gate ? 2 : 1) * heads + 2) * dim;
    const std::int64_t width = model_.groups * stride;
    linear(rows, model_.hidden, width, model_.qkv_bias);
    const Matrix qkv = matrix(rows, width);
    const Heads queries{qkv.data, rows, width, model_.groups, stride, heads, dim, dim};
    Heads keys = queries;
    keys.heads = 1;
    for (const std::int64_t window : {std::int64_t{0}, model_.window}) attend(queries, keys, keys, window);
    linear(rows, model_.heads * dim, model_.hidden, model_.linear_bias);
  }
  void latent_attention(std::int64_t rows) {
    const std::int64_t dim = model_.dim + model_.rotated, wide = model_.heads * dim;
    if (model_.query_rank > 0) linear(rows, model_.hidden, model_.query_rank, false);
    linear(rows, model_.query_rank > 0 ? model_.query_rank : model_.hidden, wide, false);
    linear(rows, model_.hidden, model_.key_value_rank + model_.rotated, false);
    linear(rows, model_.key_value_rank, model_.heads * 2 * model_.dim, false);
    const Matrix matrix = this->matrix(rows, wide);
    const Heads keys{matrix.data, rows, wide, model_.heads, dim, 1, dim, dim};
    attend(keys, keys, keys.slice(0, model_.dim), 0);
    linear(rows, model_.heads * model_.dim, model_.hidden, false);
  }
  void delta_net(std::int64_t rows) {
    const std::int64_t keys = model_.delta_key_heads * model_.delta_dim;
    const std::int64_t values = model_.delta_value_heads * model_.delta_dim;
    linear(rows, model_.hidden, 2 * keys + 2 * values + 2 * model_.delta_value_heads, false);
    linear(rows, values, model_.hidden, false);
  }
  void mamba(std::int64_t rows) {
    const std::int64_t channels = model_.mamba_inner + 2 * model_.mamba_states;
    linear(rows, model_.hidden, model_.mamba_inner + channels + model_.mamba_heads, false);
    linear(rows, model_.mamba_inner, model_.hidden, false);
  }
  void attend(const Heads& queries, const Heads& keys, const Heads& values, std::int64_t window) {
    AttentionOptions options;
    options.scale = 1.0F / std::sqrt(static_cast<float>(queries.dim));
    options.window = window;
    options.soft_cap = model_.soft_cap;
    if (model_.sinks) options.sinks.resize(static_cast<std::size_t>(model_.heads));
    std::vector<LayerCache> caches;
    std::vector<Segment> segments;
    for (std::int64_t k = 0; k < load_.sequences; ++k)
      caches.emplace_back(keys.groups, keys.dim, values.dim,
                          [this](std::int64_t n) { return backend_->allocate_cache_page(n); });
    for (std::int64_t k = 0; k < load_.sequences; ++k)
      segments.push_back(
          {k * load_.tokens, load_.tokens, load_.cached, &caches[static_cast<std::size_t>(k)]});
    backend_->attend(options, queries, keys, values, segments,
                     matrix(queries.tokens, model_.heads * values.dim));
  }
  void mlp(std::int64_t rows, std::int64_t ffn) {
    const std::int64_t wide = model_.gated ? 2 * ffn : ffn;
    backend_->linear_activate(weight(model_.hidden, wide), bias(model_.linear_bias, wide),
                              {model_.activation, model_.gated, model_.clamp}, matrix(rows, model_.hidden),
                              matrix(rows, wide), matrix(rows, ffn), Precision::fast);
    linear(rows, ffn, model_.hidden, model_.linear_bias);
  }

  const ModelShape& model_;
  Load load_;
  std::unique_ptr<Backend> backend_;
};

}  // namespace

void collect(const ModelShape& model, Element run, const Load& load, Specs& specs) {
  Caller(model, run, load, specs).run();
}

}  // namespace mhub::tests
