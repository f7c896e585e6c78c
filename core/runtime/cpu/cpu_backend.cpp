// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/cpu_backend.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <Eigen/Core>

#include "mhub/runtime/cpu/cpu_attention.hpp"
#include "mhub/runtime/cpu/cpu_delta_net.hpp"
#include "mhub/runtime/cpu/cpu_linear.hpp"
#include "mhub/runtime/cpu/cpu_mamba.hpp"
#include "mhub/runtime/cpu/populate.hpp"
#include "mhub/runtime/cpu/scratch.hpp"
#include "mhub/runtime/cpu/thread_pool.hpp"
#include "mhub/runtime/largest.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub::runtime {
namespace {

using Row = Eigen::Map<Eigen::ArrayXf>;
using ConstRow = Eigen::Map<const Eigen::ArrayXf>;

constexpr std::int64_t kParallelFloats = 1 << 14;  // less than this is not worth waking threads for

/// transformers' XIELUActivation (activations.py) with its constants, beta 1/2 and eps -1e-6.
void xielu_row(const Activation& activation, const float* in, float* out, std::int64_t size) {
  for (std::int64_t k = 0; k < size; ++k) {
    const float x = in[k];
    const float bent =
        x > 0.0F ? activation.alpha_p * x * x : activation.alpha_n * (std::expm1(std::min(x, -1e-6F)) - x);
    out[k] = bent + 0.5F * x;
  }
}

/// act(x) element by element.
void activate_row(const Kernels& kernels, const Activation& activation, const float* in, float* out,
                  std::int64_t size) {
  const ConstRow x(in, size);
  Row y(out, size);
  // gelu_tanh is x / 2 (1 + tanh(u)) = x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3).
  constexpr float kTwiceSqrt2OverPi = 1.5957691216057308F;
  switch (activation.kind) {
    case ActivationKind::silu: return kernels.sigmoid_gate(in, size, 1.0F, 0.0F, out);
    case ActivationKind::quick_gelu: return kernels.sigmoid_gate(in, size, 1.702F, 0.0F, out);
    case ActivationKind::gelu_tanh:
      return kernels.sigmoid_gate(in, size, kTwiceSqrt2OverPi, kTwiceSqrt2OverPi * 0.044715F, out);
    case ActivationKind::gelu:
      y = x.unaryExpr([](float v) { return 0.5F * v * (1.0F + std::erf(v * 0.7071067811865476F)); });
      return;
    case ActivationKind::relu: y = x.max(0.0F); return;
    case ActivationKind::relu_squared: y = x.max(0.0F).square(); return;
    case ActivationKind::xielu: return xielu_row(activation, in, out, size);
    case ActivationKind::identity: y = x; return;
  }
}

/// The usual pairing, in a form that compilers vectorise.
void rotate_halves(const float* __restrict cos, const float* __restrict sin, std::int64_t half,
                   float* __restrict low, float* __restrict high) {
  for (std::int64_t k = 0; k < half; ++k) {
    const float x = low[k], y = high[k];
    low[k] = x * cos[k] - y * sin[k];
    high[k] = y * cos[k] + x * sin[k];
  }
}

void rotate_neighbours(const float* cos, const float* sin, std::int64_t half, float* head) {
  for (std::int64_t k = 0; k < half; ++k) {
    const float x = head[2 * k], y = head[2 * k + 1];
    head[2 * k] = x * cos[k] - y * sin[k];
    head[2 * k + 1] = y * cos[k] + x * sin[k];
  }
}

Row row_of(const Matrix& matrix, std::int64_t row) {
  return {matrix.data + row * matrix.stride, matrix.columns};
}

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(const CpuOptions& options)
      : pool_(options.threads),
        linear_(pool_, options.kernels),
        attention_(pool_, linear_.exact_kernels()),
        delta_net_(pool_, linear_.exact_kernels()),
        mamba_(pool_, linear_.exact_kernels()) {}

  std::string describe() const override {
    return "cpu (" + std::string(linear_.exact_kernels().name) + ", " + std::to_string(pool_.threads()) +
           (pool_.threads() == 1 ? " thread)" : " threads)");
  }

  std::shared_ptr<float> allocate(std::int64_t floats) override { return allocate_floats(floats); }
  WeightView place(const WeightView& view, Rows needed, Precision) override {
    if (needed == Rows::all && view.in_place()) populate(view, pool_);
    return view;
  }

  void embed(const WeightView& table, std::span<const std::int64_t> ids, bool accumulate,
             Matrix out) override;
  void normalize(const Norm& norm, Matrix in, Matrix out) override {
    for_rows(in.rows, in.columns, [&](std::int64_t r) {
      normalize_row(norm, in.data + r * in.stride, in.columns, out.data + r * out.stride);
    });
  }
  void normalize(const Norm& norm, Heads heads) override {
    for_heads(heads, [&](std::int64_t, std::int64_t, std::int64_t, float* head) {
      normalize_row(norm, head, heads.dim, head);
    });
  }
  void normalize_joint(const Norm& norm, Heads heads) override;
  void linear(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out, bool accumulate,
              Precision precision) override {
    linear_.run(weight, bias, in, out, accumulate, precision);
  }
  void activate(const Activation& activation, Matrix in, Matrix out) override {
    for_rows(out.rows, out.columns, [&](std::int64_t r) {
      Row gate(in.data + r * in.stride, out.columns);
      Row up(gate.data() + (activation.gated ? out.columns : 0), out.columns);
      if (activation.gated && activation.clamp > 0) {
        gate = gate.min(activation.clamp);
        up = up.max(-activation.clamp).min(activation.clamp);
      }
      Row to = row_of(out, r);
      activate_row(linear_.exact_kernels(), activation, gate.data(), to.data(), out.columns);
      if (activation.gated && activation.offset != 0.0F) up += activation.offset;
      if (activation.gated) to *= up;
    });
  }
  void rotate(const RotaryAngles& angles, Heads heads) override {
    const std::int64_t half = angles.dim / 2;
    for_heads(heads, [&](std::int64_t token, std::int64_t, std::int64_t, float* head) {
      const float* cos = angles.cos.data() + token * half;
      const float* sin = angles.sin.data() + token * half;
      if (angles.interleaved) {
        rotate_neighbours(cos, sin, half, head);
      } else {
        rotate_halves(cos, sin, half, head, head + half);
      }
    });
  }
  void attend(const AttentionOptions& options, Heads queries, Heads keys, Heads values,
              std::span<const Segment> segments, Matrix out) override {
    attention_.run(options, queries, keys, values, segments, out);
  }
  void delta_net(const DeltaNet& net, Matrix in, std::span<const Segment> segments, Matrix out) override {
    delta_net_.run(net, in, segments, out);
  }
  void mamba(const MambaMixer& mixer, Matrix in, std::span<const Segment> segments, Matrix out) override {
    mamba_.run(mixer, in, segments, out);
  }
  void gate(Heads gates, Matrix out) override {
    for_heads(gates, [&](std::int64_t t, std::int64_t g, std::int64_t h, const float* gate) {
      Row(out.data + t * out.stride + (g * gates.heads + h) * gates.dim, gates.dim) /=
          1.0F + (-ConstRow(gate, gates.dim)).exp();
    });
  }
  void read(Matrix in, std::span<float> out) override {
    copy(in, {out.data(), in.rows, in.columns, in.columns});
  }
  void write(std::span<const float> in, Matrix out) override {
    for (std::int64_t r = 0; r < out.rows; ++r)
      std::copy_n(in.data() + r * out.columns, out.columns, out.data + r * out.stride);
  }
  std::vector<RowEntry> largest(Matrix in, std::int64_t count) override {
    std::vector<RowEntry> found;
    for (std::int64_t r = 0; r < in.rows; ++r)
      append_largest({in.data + r * in.stride, static_cast<std::size_t>(in.columns)}, count, found);
    return found;
  }
  void copy(Matrix in, Matrix out) override {
    for (std::int64_t r = 0; r < in.rows; ++r)
      std::copy_n(in.data + r * in.stride, in.columns, out.data + r * out.stride);
  }
  void copy(Heads in, Heads out) override {
    for_heads(out, [&](std::int64_t t, std::int64_t g, std::int64_t h, float* to) {
      const float* from = in.data + t * in.token_stride + g * in.group_stride + h * in.head_stride;
      std::copy_n(from, in.dim, to);
    });
  }
  void fill(Matrix out, float value) override {
    for (std::int64_t r = 0; r < out.rows; ++r) row_of(out, r).setConstant(value);
  }
  void add(Matrix in, float factor, Matrix out) override {
    for_rows(in.rows, in.columns, [&](std::int64_t r) { row_of(out, r) += factor * row_of(in, r); });
  }
  void scale(float factor, Matrix out) override {
    for_rows(out.rows, out.columns, [&](std::int64_t r) { row_of(out, r) *= factor; });
  }
  void scale_columns(std::span<const float> factors, Matrix out) override {
    for_rows(out.rows, out.columns,
             [&](std::int64_t r) { row_of(out, r) *= ConstRow(factors.data(), out.columns); });
  }
  void soft_cap(float cap, Matrix out) override {
    for_rows(out.rows, out.columns,
             [&](std::int64_t r) { row_of(out, r) = cap * (row_of(out, r) / cap).tanh(); });
  }
  void gather_rows(Matrix in, std::span<const std::int64_t> rows, std::span<const float> factors,
                   Matrix out) override {
    for (std::size_t k = 0; k < rows.size(); ++k)
      row_of(out, static_cast<std::int64_t>(k)) = factors[k] * row_of(in, rows[k]);
  }
  void scatter_add_rows(Matrix in, std::span<const std::int64_t> rows, std::span<const float> factors,
                        Matrix out) override {
    for (std::size_t k = 0; k < rows.size(); ++k)
      row_of(out, rows[k]) += factors[k] * row_of(in, static_cast<std::int64_t>(k));
  }

 private:
  void normalize_row(const Norm& norm, const float* in, std::int64_t size, float* out) const {
    linear_.exact_kernels().normalize(in, size, norm.kind == NormKind::layer,
                                      static_cast<float>(norm.epsilon),
                                      norm.weight.empty() ? nullptr : norm.weight.data(),
                                      norm.bias.empty() ? nullptr : norm.bias.data(), out);
  }
  /// Calls work(row) for every row, on all threads when there is enough to do.
  template <typename Work>
  void for_rows(std::int64_t rows, std::int64_t columns, const Work& work) {
    if (rows * columns < kParallelFloats) {
      for (std::int64_t r = 0; r < rows; ++r) work(r);
    } else {
      pool_.run(rows, [&](std::int64_t r, int) { work(r); });
    }
  }
  /// Calls work(token, group, head of the group, its first float).
  template <typename Work>
  void for_heads(const Heads& heads, const Work& work) {
    for_rows(heads.tokens, heads.groups * heads.heads * heads.dim, [&](std::int64_t t) {
      for (std::int64_t g = 0; g < heads.groups; ++g) {
        for (std::int64_t h = 0; h < heads.heads; ++h)
          work(t, g, h, heads.data + t * heads.token_stride + g * heads.group_stride + h * heads.head_stride);
      }
    });
  }

  ThreadPool pool_;
  CpuLinear linear_;
  CpuAttention attention_;
  CpuDeltaNet delta_net_;
  CpuMamba mamba_;
};

void CpuBackend::normalize_joint(const Norm& norm, Heads heads) {
  std::vector<float> row(static_cast<std::size_t>(heads.groups * heads.heads * heads.dim));
  for (std::int64_t t = 0; t < heads.tokens; ++t) {
    Heads one = heads;
    one.data += t * heads.token_stride;
    one.tokens = 1;
    auto in_row = [&](std::int64_t g, std::int64_t h) {
      return row.data() + (g * heads.heads + h) * heads.dim;
    };
    for_heads(one, [&](std::int64_t, std::int64_t g, std::int64_t h, const float* head) {
      std::copy_n(head, heads.dim, in_row(g, h));
    });
    normalize_row(norm, row.data(), static_cast<std::int64_t>(row.size()), row.data());
    for_heads(one, [&](std::int64_t, std::int64_t g, std::int64_t h, float* head) {
      std::copy_n(in_row(g, h), heads.dim, head);
    });
  }
}

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
