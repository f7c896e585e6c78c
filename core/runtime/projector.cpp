// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/projector.hpp"

#include "mhub/base/error.hpp"
#include "mhub/runtime/support.hpp"

namespace mhub::runtime {
namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

/// A matrix that is stored the other way round, in memory of its own.
WeightView transposed(Weights& weights, const std::string& name, std::int64_t rows, std::int64_t columns) {
  const std::vector<float> stored = weights.values(name, {columns, rows});
  auto values = std::make_shared<std::vector<float>>(stored.size());
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c)
      (*values)[static_cast<std::size_t>(r * columns + c)] = stored[static_cast<std::size_t>(c * rows + r)];
  }
  const auto* data = reinterpret_cast<const std::byte*>(values->data());
  WeightView view{name, rows, columns, {{0, rows, 0, columns, data, columns, DType::f32}}, {}};
  view.storage = std::shared_ptr<const std::byte>(values, data);
  return view;
}

/// Tokens [count, side, side, width] as means of squares: [count, to, to, width].
std::vector<float> pooled(std::span<const float> tokens, std::int64_t side, std::int64_t to,
                          std::int64_t width) {
  const std::int64_t factor = side / to,
                     count = static_cast<std::int64_t>(tokens.size()) / (side * side * width);
  std::vector<float> out(static_cast<std::size_t>(count * to * to * width), 0.0F);
  const float share = 1.0F / static_cast<float>(factor * factor);
  for (std::int64_t k = 0; k < count * side * side; ++k) {
    const std::int64_t row = k / side % side / factor, column = k % side / factor;
    if (row >= to || column >= to) continue;
    float* sum = out.data() + (k / (side * side) * to * to + row * to + column) * width;
    const float* token = tokens.data() + k * width;
    for (std::int64_t c = 0; c < width; ++c) sum[c] += share * token[c];
  }
  return out;
}

Norm load(Weights& weights, const ProjectorNorm& step, std::int64_t width) {
  Norm norm{step.kind == Normalization::layer ? NormKind::layer : NormKind::rms, step.epsilon,
            weights.vector(step.tensor + "weight", width),
            weights.optional_vector(step.tensor + "bias", width)};
  if (step.zero_centered) {
    for (float& gamma : norm.weight) gamma += 1.0F;
  }
  return norm;
}

Linear load(Weights& weights, Backend& backend, const ProjectorLinear& step, std::int64_t width) {
  const WeightView view = step.transposed ? transposed(weights, step.tensor, step.out, width)
                                          : weights.matrix(step.tensor + "weight", step.out, width);
  return {backend.place(view, Rows::all), weights.optional_vector(step.tensor + "bias", step.out)};
}

}  // namespace

Projector::Projector(const Weights& weights, Backend& backend, const std::vector<ProjectorStep>& steps,
                     std::int64_t width)
    : backend_(backend), width_(width) {
  Weights mine = weights;
  const Overloaded add{
      [&](const AveragePool& pool) {
        if (!steps_.empty()) throw std::logic_error("an average pool comes first");
        pool_ = pool.tokens_per_side;
      },
      [&](const ProjectorNorm& norm) { steps_.emplace_back(load(mine, norm, width)); },
      [&](const ProjectorLinear& linear) {
        steps_.emplace_back(load(mine, backend, linear, width));
        width = linear.out;
      },
      [&](ActivationFunction function) {
        steps_.emplace_back(Activation{activation_kind(function, mine.source()), false, 0.0F, 0.0F});
      }};
  for (const ProjectorStep& step : steps) std::visit(add, step);
}

std::vector<float> Projector::run(std::span<const float> tokens, std::int64_t side) const {
  std::vector<float> means;
  if (pool_ > 0 && pool_ != side) {
    means = pooled(tokens, side, pool_, width_);
    tokens = means;
  }
  Workspace workspace(backend_);
  ForwardPass pass{backend_, workspace, Precision::exact, nullptr, nullptr, {}};
  Matrix rows = workspace.matrix("in", static_cast<std::int64_t>(tokens.size()) / width_, width_);
  backend_.write(tokens, rows);
  std::string slot;
  const Overloaded apply{[&](const Norm& norm) { backend_.normalize(norm, rows, rows); },
                         [&](const Linear& linear) {
                           const Matrix out = workspace.matrix(slot, rows.rows, linear.weight.rows);
                           linear.run(pass, rows, out, false);
                           rows = out;
                         },
                         [&](const Activation& activation) {
                           const Matrix out = workspace.matrix(slot, rows.rows, rows.columns);
                           backend_.activate(activation, rows, out);
                           rows = out;
                         }};
  for (const Step& step : steps_) {
    slot += "+";
    std::visit(apply, step);
  }
  std::vector<float> out(static_cast<std::size_t>(rows.rows * rows.columns));
  backend_.read(rows, out);
  return out;
}

}  // namespace mhub::runtime
