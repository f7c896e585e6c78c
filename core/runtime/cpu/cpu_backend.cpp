#include "mhub/runtime/cpu/cpu_backend.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include <Eigen/Core>

#include "mhub/runtime/cpu/cpu_attention.hpp"
#include "mhub/runtime/cpu/cpu_linear.hpp"
#include "mhub/runtime/cpu/thread_pool.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub::runtime {
namespace {

using Row = Eigen::Map<Eigen::ArrayXf>;
using ConstRow = Eigen::Map<const Eigen::ArrayXf>;

constexpr std::align_val_t kAlignment{64};
constexpr std::int64_t kParallelFloats = 1 << 14;  // less than this is not worth waking threads for

void normalize_row(const Norm& norm, const float* in, float* out, std::int64_t size) {
  const ConstRow x(in, size);
  Row y(out, size);
  const float mean = norm.kind == NormKind::layer ? x.mean() : 0.0F;
  const float variance = (x - mean).square().mean();
  const float scale = 1.0F / std::sqrt(variance + static_cast<float>(norm.epsilon));
  y = (x - mean) * scale;
  if (!norm.weight.empty()) y *= ConstRow(norm.weight.data(), size);
  if (!norm.bias.empty()) y += ConstRow(norm.bias.data(), size);
}

/// act(x) element by element.
void activate_row(ActivationKind kind, const float* in, float* out, std::int64_t size) {
  const ConstRow x(in, size);
  Row y(out, size);
  constexpr float kSqrt2OverPi = 0.7978845608028654F;
  switch (kind) {
    case ActivationKind::silu: y = x / (1.0F + (-x).exp()); return;
    case ActivationKind::quick_gelu: y = x / (1.0F + (-1.702F * x).exp()); return;
    case ActivationKind::gelu:
      y = x.unaryExpr([](float v) { return 0.5F * v * (1.0F + std::erf(v * 0.7071067811865476F)); });
      return;
    case ActivationKind::gelu_tanh:
      y = 0.5F * x * (1.0F + (kSqrt2OverPi * (x + 0.044715F * x.cube())).tanh());
      return;
    case ActivationKind::relu: y = x.max(0.0F); return;
    case ActivationKind::relu_squared: y = x.max(0.0F).square(); return;
    case ActivationKind::identity: y = x; return;
  }
}

void rotate_head(const float* cos, const float* sin, std::int64_t dim, bool interleaved, float* head) {
  const std::int64_t half = dim / 2, step = interleaved ? 2 : 1, other = interleaved ? 1 : half;
  for (std::int64_t k = 0; k < half; ++k) {
    float& a = head[k * step];
    float& b = head[k * step + other];
    const float x = a, y = b;
    a = x * cos[k] - y * sin[k];
    b = y * cos[k] + x * sin[k];
  }
}

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(const CpuOptions& options)
      : pool_(options.threads), linear_(pool_, options.kernels), attention_(pool_, linear_.exact_kernels()) {}

  std::string describe() const override {
    return "cpu (" + std::string(linear_.exact_kernels().name) + ", " + std::to_string(pool_.threads()) +
           (pool_.threads() == 1 ? " thread)" : " threads)");
  }

  std::shared_ptr<float> allocate(std::int64_t floats) override {
    auto* memory =
        static_cast<float*>(::operator new(static_cast<std::size_t>(floats) * sizeof(float), kAlignment));
    return {memory, [](float* p) { ::operator delete(p, kAlignment); }};
  }
  WeightView place(const WeightView& view) override { return view; }

  void embed(const WeightView& table, std::span<const std::int64_t> ids, bool accumulate,
             Matrix out) override;
  void normalize(const Norm& norm, Matrix in, Matrix out) override {
    for_rows(in.rows, in.columns, [&](std::int64_t r) {
      normalize_row(norm, in.data + r * in.stride, out.data + r * out.stride, in.columns);
    });
  }
  void normalize(const Norm& norm, Heads heads) override {
    for_heads(heads, [&](std::int64_t, float* head) { normalize_row(norm, head, head, heads.dim); });
  }
  void linear(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out, bool accumulate,
              Precision precision) override {
    linear_.run(weight, bias, in, out, accumulate, precision);
  }
  void activate(const Activation& activation, Matrix in, Matrix out) override {
    for_rows(out.rows, out.columns, [&](std::int64_t r) {
      const float* from = in.data + r * in.stride;
      float* to = out.data + r * out.stride;
      activate_row(activation.kind, from, to, out.columns);
      if (activation.gated) Row(to, out.columns) *= ConstRow(from + out.columns, out.columns);
    });
  }
  void rotate(const RotaryAngles& angles, Heads heads) override {
    const std::int64_t half = angles.dim / 2;
    for_heads(heads, [&](std::int64_t token, float* head) {
      rotate_head(angles.cos.data() + token * half, angles.sin.data() + token * half, angles.dim,
                  angles.interleaved, head);
    });
  }
  void attend(const AttentionOptions& options, Heads queries, Heads keys, Heads values,
              std::span<const Segment> segments, Matrix out) override {
    attention_.run(options, queries, keys, values, segments, out);
  }
  void read(Matrix in, std::span<float> out) override {
    copy(in, {out.data(), in.rows, in.columns, in.columns});
  }
  void copy(Matrix in, Matrix out) override {
    for (std::int64_t r = 0; r < in.rows; ++r)
      std::copy_n(in.data + r * in.stride, in.columns, out.data + r * out.stride);
  }
  void add(Matrix in, Matrix out) override {
    for_rows(in.rows, in.columns, [&](std::int64_t r) {
      Row(out.data + r * out.stride, in.columns) += ConstRow(in.data + r * in.stride, in.columns);
    });
  }

 private:
  /// Calls work(row) for every row, on all threads when there is enough to do.
  template <typename Work>
  void for_rows(std::int64_t rows, std::int64_t columns, const Work& work) {
    if (rows * columns < kParallelFloats) {
      for (std::int64_t r = 0; r < rows; ++r) work(r);
    } else {
      pool_.run(rows, [&](std::int64_t r, int) { work(r); });
    }
  }
  template <typename Work>
  void for_heads(const Heads& heads, const Work& work) {
    for_rows(heads.tokens, heads.groups * heads.heads * heads.dim, [&](std::int64_t t) {
      for (std::int64_t g = 0; g < heads.groups; ++g) {
        for (std::int64_t h = 0; h < heads.heads; ++h)
          work(t, heads.data + t * heads.token_stride + g * heads.group_stride + h * heads.head_stride);
      }
    });
  }

  ThreadPool pool_;
  CpuLinear linear_;
  CpuAttention attention_;
};

void CpuBackend::embed(const WeightView& table, std::span<const std::int64_t> ids, bool accumulate,
                       Matrix out) {
  std::vector<float> row(static_cast<std::size_t>(table.columns));
  for (std::size_t t = 0; t < ids.size(); ++t) {
    const WeightView one = row_slice(table, ids[t], 1);
    for (const WeightBlock& block : one.blocks) {
      convert_elements(block.dtype, block.data, DType::f32,
                       reinterpret_cast<std::byte*>(row.data() + block.column),
                       static_cast<std::size_t>(block.columns));
    }
    Row to(out.data + static_cast<std::int64_t>(t) * out.stride, table.columns);
    if (!accumulate) to.setZero();
    to += ConstRow(row.data(), table.columns);
  }
}

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(const CpuOptions& options) {
  return std::make_unique<CpuBackend>(options);
}

}  // namespace mhub::runtime
